#!/usr/bin/env python3
"""Runs the cells of one side, in the working folder, as a notebook would: cells.py nfstream|flowsensor

After each step the variables df and seen go to STEP.WHOSE.pickle, or the error with which the step ended; the next step
runs all the same.
"""
import pickle
import subprocess
import sys
import traceback

import page


def one_meter():
    """With more meters than one the order of NFStream's rows depends on chance; by default it takes all cores but one."""
    import nfstream

    class OneMeter(nfstream.NFStreamer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **{"n_meters": 1, **options})

    nfstream.NFStreamer = OneMeter


def run_cell(language, code, variables):
    if language == "python":
        exec(compile(code, "cell", "exec"), variables)
        return
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{code.strip()}\nended with {done.returncode}: {done.stderr.strip()}")


def main():
    whose = sys.argv[1]
    if whose == "nfstream":
        one_meter()
    variables = {"__name__": "__main__"}
    for number, cells in page.cells_of(whose, page.PAGE.read_text(encoding="utf-8")):
        error = None
        try:
            for language, code in cells:
                run_cell(language, code, variables)
        except Exception:
            error = traceback.format_exc(limit=-1)
        kept = {name: variables.get(name) for name in ("df", "seen")}
        with open(f"{number}.{whose}.pickle", "wb") as file:
            pickle.dump((error, kept), file)


if __name__ == "__main__":
    main()
