"""Print the results of the whole bank as a table: ``python -m tests.scenes``; exit code 1 where a scene is not as expected."""

from __future__ import annotations

import sys

from tests.scenes.bank import judged
from tests.scenes.more_scenes import SCENES

if __name__ == "__main__":
    failed = 0
    for scene in SCENES:
        findings = judged(scene)
        found = tuple(sorted((f.rule, f.grade) for f in findings))
        failed += (wrong := found != scene.expected)
        shown = ", ".join(f"{f.rule} {f.grade} {f.confidence:.2f}" for f in findings) or "-"
        print(f"{'WRONG' if wrong else 'ok':6}{'violation' if scene.violation else 'twin':10}{scene.name:55}{shown}")
        if wrong:
            print(f"      expected {scene.expected}")
    print(f"{len(SCENES)} scenes, {failed} not as expected")
    sys.exit(1 if failed else 0)
