"""Runs with columns_to_anonymize, and the published definition of the methods: what the tests of anonymization share."""
import importlib.util

from harness import REPOSITORY, Case

SEED = 20261124
KEY = bytes(range(100, 132))
KEEP = ["all=keep"]


def definition():
    """The published definition of the methods: deploy/examples/python/pseudonyms.py."""
    path = REPOSITORY / "deploy" / "examples" / "python" / "pseudonyms.py"
    spec = importlib.util.spec_from_file_location("pseudonyms", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Pseudonyms


Pseudonyms = definition()


def comma_list(items):
    """As --set takes it."""
    return ",".join(item.replace(",", "\\,") for item in items)


class Anonymization(Case):
    """A key file, and runs with columns_to_anonymize."""

    def key_file(self, key=KEY, name="key", mode=0o600):
        path = self.write(name, key.hex() + "\n")
        path.chmod(mode)
        return path

    def records(self, capture, items, *arguments, key=None):
        """Records of one run, as JSON."""
        arguments += ("--set", f"anonymization.key_file={key}") if key else ()
        return self.succeeds("-r", capture, "-w", "-", "--set", f"outputs.0.columns_to_anonymize={comma_list(items)}", *arguments).jsonl()
