"""An independent computation of what feature_sets.md defines, from the bytes of captures. None of it is from the sensor's code."""
