"""Code blocks of the documents in docs/, so that tests can run what users are told to run."""

import re

import harness

FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def blocks(name):
    """All code blocks of docs/{name} in their order; every one has to say what it is."""
    text = (harness.ROOT / "docs" / name).read_text()
    found = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        assert match[2].strip(), f"docs/{name}:{line}: a block without a kind"
        indent = match[1]
        lines = [part.removeprefix(indent) for part in match[3].splitlines(keepends=True)]
        found.append(Block(match[2].strip(), "".join(lines), line))
    assert text.count("```") == 2 * len(found), f"docs/{name}: a fence is open"
    return found


def filled(text, values):
    """With each `<placeholder>` replaced; one that has no value is a mistake of the document."""
    def value(match):
        assert match[1] in values, f"the placeholder <{match[1]}> is unknown"
        return values[match[1]]
    return re.sub(r"<([a-z][a-z-]*)>", value, text)
