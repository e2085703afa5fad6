"""What a benchmark is to show, and whether it did."""

import sys


class Verdicts:
    """Figures beside their targets, printed as they come; a benchmark ends with end()."""

    def __init__(self):
        self.missed = []

    def at_least(self, what, value, target):
        self._judge(what, value, target, value >= target, "at least")

    def at_most(self, what, value, target):
        self._judge(what, value, target, value <= target, "at most")

    def miss(self, line):
        """Of a figure that stands in a table."""
        self.missed.append(line)

    def _judge(self, what, value, target, met, word):
        line = f"{what}: {value:.2f} ({word} {target:g})"
        print(f"  {'PASS' if met else 'MISS'}  {line}", flush=True)
        if not met:
            self.missed.append(line)

    def end(self):
        """Exit code 0 if every target was met."""
        for line in self.missed:
            print("MISSED", line)
        sys.exit(1 if self.missed else 0)
