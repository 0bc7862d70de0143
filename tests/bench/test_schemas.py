import json
import tempfile
import unittest
from pathlib import Path

import schemas
from bench import REPOSITORY, default_binary


class Schemas(unittest.TestCase):
    def test_no_group_is_left_out(self):
        """Those of flow_full/v1 that flow/v2 has nothing of."""
        names = {field["name"] for field in json.loads((REPOSITORY / "schemas" / "flow" / "v2.avsc").read_text())["fields"]}
        found = schemas.groups_of_fields(default_binary())
        full = {field["name"] for field in schemas.full_schema()["fields"]}
        self.assertEqual({group for group, fields in found.items() if full.intersection(fields) and not names.intersection(fields)}, set(schemas.GROUPS))

    def test_a_schema_has_the_fields_that_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = schemas.write_schema(Path(folder), "ip", {"src_port", "src2dst_min_ttl"})
            self.assertEqual([field["name"] for field in json.loads(Path(path).read_text())["fields"]], ["src_port", "src2dst_min_ttl"])


if __name__ == "__main__":
    unittest.main()
