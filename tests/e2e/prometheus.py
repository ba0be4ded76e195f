"""Prometheus' text format 0.0.4, read strictly, and what its linter says."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{(.*)\}})? (\S+)')
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"(?:,(?!$)|$)')
TYPES = {"counter", "gauge", "histogram"}


def parse_labels(text):
    """{name: value}; each character of the text is accounted for."""
    found = LABEL.findall(text)
    assert "".join(match[0] for match in LABEL.finditer(text)) == text, text
    names = [name for name, _value in found]
    assert len(set(names)) == len(names), text
    return dict(found)


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = []  # (name, labels, value)


def read(text):
    """The families of a page by their names; an error of the format fails."""
    assert text.endswith("\n")
    families, family = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            _hash, _help, name, words = line.split(" ", 3)
            assert name not in families and re.fullmatch(NAME, name)
            family = families[name] = Family(name, words)
        elif line.startswith("# TYPE "):
            _hash, _type, name, kind = line.split(" ")
            assert (name, family.type) == (family.name, None)
            assert kind in TYPES
            family.type = kind
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            add_sample(family, name, parse_labels(labels or ""), float(value))
    for family in families.values():
        check_family(family)
    return families


def add_sample(family, name, labels, value):
    ends = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
    assert name in [family.name + end for end in ends], name
    assert (name, labels) not in [sample[:2] for sample in family.samples]
    family.samples.append((name, labels, value))


def check_family(family):
    """As `promtool check metrics` does."""
    assert family.help.endswith(".") and family.type
    assert (family.type == "counter") == family.name.endswith("_total")
    assert not re.search(r"_(ms|milliseconds|kb)(_|$)", family.name)
    if family.type == "histogram":
        check_histogram(family)


def check_histogram(family):
    buckets = [(labels["le"], value) for name, labels, value in family.samples
               if name.endswith("_bucket")]
    bounds = [float(le) for le, _value in buckets]
    values = [value for _le, value in buckets]
    assert bounds == sorted(bounds) and buckets[-1][0] == "+Inf"
    assert values == sorted(values)
    count = [value for name, _labels, value in family.samples
             if name.endswith("_count")]
    assert count == [values[-1]]


class Page:
    """One scrape: families, and the value of a series."""

    def __init__(self, text):
        self.families = read(text)

    def get(self, name, **labels):
        """The sum of the series that have these labels."""
        family = self.families.get(re.sub("_(bucket|sum|count)$", "", name)) \
            or self.families[name]
        return sum(value for sample, found, value in family.samples
                   if sample == name and labels.items() <= found.items())

    def series(self):
        return {name for family in self.families.values()
                for name, _labels, _value in family.samples} | set(
                    self.families)
