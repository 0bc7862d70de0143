"""deploy/field_mappings.md: each field of flows has a row, and what it names exists: in IANA's registry of IPFIX elements and in OpenTelemetry's
attributes, as the packages of others have them."""
import importlib
import itertools
import pkgutil
import re
import unittest

import versions
from ipfix import ie
from opentelemetry.semconv._incubating import attributes

PAGE = versions.REPOSITORY / "deploy" / "field_mappings.md"
ELEMENT = re.compile(r"\b([a-z]\w+) \((\d+)\)")
# Younger than the package's copy of the registry.
YOUNGER = {"httpStatusCode": 457, "httpRequestMethod": 459, "httpUserAgent": 468, "httpContentType": 469}


def expand(text):
    """All names of a pattern with braces, as a shell has them."""
    choices = [part[1:-1].split(",") if part.startswith("{") else [part] for part in re.split(r"(\{[^}]*\})", text)]
    return ["".join(parts) for parts in itertools.product(*choices)]


def rows():
    """(names, the cell of IPFIX, the cell of OpenTelemetry, what differs) of each row of the page's tables."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return [(expand(field.strip("`")), *others) for field, *others in cells]


def flow_fields():
    """name: doc, of all fields that a shipped schema of flows has."""
    documents = [versions.document(version) for version in versions.shipped() if versions.family(version).startswith("flow")]
    return {field["name"]: field["doc"] for document in documents for field in document["fields"]}


def attribute_names():
    modules = [importlib.import_module(f"{attributes.__name__}.{module.name}") for module in pkgutil.iter_modules(attributes.__path__)]
    return {value for module in modules for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


class FieldMappings(unittest.TestCase):
    def test_each_field_has_one_row(self):
        named = [name for names, *_ in rows() for name in names]
        self.assertEqual(len(named), len(set(named)))
        self.assertEqual(set(named) ^ set(flow_fields()), set())

    def test_elements_exist(self):
        ie.use_iana_default()
        for _, element, *_ in rows():
            found = ELEMENT.findall(element)
            self.assertTrue(found or element == "-", element)
            for name, number in found:
                with self.subTest(element=name):
                    self.assertEqual(YOUNGER[name] if name in YOUNGER else ie.for_spec(name).num, int(number))

    def test_the_schemas_name_the_same_elements(self):
        docs = flow_fields()
        for names, element, _, differs in rows():
            for name in names:
                for found in ELEMENT.findall(docs.get(name, "").partition("IPFIX")[2]):
                    with self.subTest(field=name):
                        self.assertIn(found, ELEMENT.findall(element + differs))

    def test_attributes_exist(self):
        known = attribute_names()
        for _, _, attribute, _ in rows():
            with self.subTest(attribute=attribute):
                self.assertTrue(attribute == "-" or attribute.strip("`") in known)


if __name__ == "__main__":
    unittest.main()
