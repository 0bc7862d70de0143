"""Completion in real shells: an interactive one is given a key press, and says what its line became."""
import os
import pty
import re
import select
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from place import BINARY, CAPTURES, output

MARK = "prompt-of-the-test"
# What is typed, and the line that one press of TAB makes of it.
LINES = (
    ("flowsensor --prof", "flowsensor --profile"),
    ("flowsensor --profile nf", "flowsensor --profile nfstream"),
    ("flowsensor --format j", "flowsensor --format jsonl"),
    ("flowsensor refe", "flowsensor reference"),
    ("flowsensor schema reg", "flowsensor schema register"),
    ("flowsensor schema ddl du", "flowsensor schema ddl duckdb"),
    ("flowsensor completion f", "flowsensor completion fish"),
    ("flowsensor -c x --set meter.idle", "flowsensor -c x --set meter.idle_timeout="),
    ("flowsensor --set log.level=deb", "flowsensor --set log.level=debug"),
    ("flowsensor --set capture.promiscuous_mode=f", "flowsensor --set capture.promiscuous_mode=false"),
    ("flowsensor --set outputs.3.framing=sing", "flowsensor --set outputs.3.framing=single_object"),
    ("flowsensor --schema sensor", "flowsensor --schema sensor_stats/v1"),
    ("flowsensor -i l", "flowsensor -i lo"),
    ("flowsensor -r mi", "flowsensor -r mix.pcap"),
    ("flowsensor mi", "flowsensor mix.pcap"),
    ("flowsensor -w x.csv mi", "flowsensor -w x.csv mix.pcap"),
    ("flowsensor --set registry.ca_file=mi", "flowsensor --set registry.ca_file=mix.pcap"),
)
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'; PS1={mark}; source {script}"),
    "zsh": (["zsh", "-f", "-i"], "unsetopt zle_bracketed_paste prompt_cr prompt_sp; bindkey -e; autoload -Uz compinit; compinit -u -D; "
                                 "source {script}; compdef _flowsensor flowsensor; PS1={mark}"),
}


class Interactive:
    """A shell behind a terminal of its own."""

    def __init__(self, shell, folder, script):
        command, setup = SHELLS[shell]
        leader, follower = pty.openpty()
        environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "TERM": "dumb", "LC_ALL": "C.UTF-8", "COLUMNS": "400", "PS1": "$ "}
        self.process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, cwd=folder, env=environment,
                                        start_new_session=True)
        os.close(follower)
        self.leader, self.seen = leader, ""
        # In two halves, or the echo of the line would be taken for the prompt.
        self.send(setup.format(mark=f"{MARK[:6]}''{MARK[6:]}'> '", script=script) + "\n")
        self.read_until(MARK)

    def send(self, text):
        os.write(self.leader, text.encode())

    def read_until(self, end, limit_s=20):
        deadline = time.monotonic() + limit_s
        while end not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.leader], [], [], left)[0]:
                raise AssertionError(f"no {end!r} within {limit_s} s in {self.seen!r}")
            self.seen += os.read(self.leader, 65536).decode("utf-8", "replace")
        before, _, self.seen = self.seen.partition(end)
        return before

    def complete(self, line):
        """The line after TAB: brought back by making it the argument of a command that prints it between brackets."""
        self.send(line + "\t\x01printf '[%s]\\n' \x05; echo do''ne\n")
        answer = self.read_until("\ndone")
        words = re.findall(r"(?m)^\[(.*?)\]\r?$", answer)
        assert words, answer
        return " ".join(words)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.leader)


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="flowsensor-completion-")
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        (cls.folder / "mix.pcap").write_bytes((CAPTURES / "mix.pcap").read_bytes())
        for shell in ("bash", "zsh", "fish"):
            (cls.folder / f"script.{shell}").write_text(output(BINARY, "completion", shell))

    def script(self, shell):
        return self.folder / f"script.{shell}"

    def completes_interactively(self, shell):
        terminal = Interactive(shell, str(self.folder), self.script(shell))
        self.addCleanup(terminal.close)
        for line, expected in LINES:
            with self.subTest(line):
                self.assertEqual(terminal.complete(line), expected)

    def test_each_shell_takes_its_script(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertEqual(output(shell, "-n", self.script(shell)), "")
        output("shellcheck", "-s", "bash", self.script("bash"))

    def test_bash(self):
        self.completes_interactively("bash")

    def test_zsh(self):
        self.completes_interactively("zsh")

    def bash_offers(self, line, breaks=" \t\n\"'><=;|&(:"):
        """What the function answers where bash asks it with this line."""
        words = re.findall(r"[^ =]+|=", line) + ([""] if line.endswith(" ") else [])
        quoted = " ".join(f"'{word}'" for word in words)
        return output("bash", "--norc", "-c", f"""compopt() {{ :; }}; source "$0"
            COMP_WORDBREAKS=$2 COMP_LINE=$1 COMP_POINT=${{#1}} COMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}
            _flowsensor; printf '%s\\n' "${{COMPREPLY[@]}}" """, self.script("bash"), line, breaks).split()

    def test_bash_offers_all_that_fits(self):
        self.assertEqual(set(self.bash_offers("flowsensor --p")), {"--profile", "--print-config"})
        self.assertEqual(set(self.bash_offers("flowsensor schema ")), {"print", "features", "compose", "ddl", "check", "find", "register"})
        self.assertEqual(set(self.bash_offers("flowsensor schema ddl ")), {"flink", "clickhouse", "clickhouse_packed", "duckdb", "iceberg", "spark"})
        self.assertLessEqual({"schema", "reference", "manual", "completion", "-r", "--set"}, set(self.bash_offers("flowsensor ")))
        self.assertEqual(set(self.bash_offers("flowsensor --set log.level=")), {"error", "warning", "info", "debug"})
        self.assertEqual(set(self.bash_offers("flowsensor --format=")), {"avro", "csv", "jsonl"})
        self.assertEqual(set(self.bash_offers("flowsensor --set=log.f")), {"log.format="})
        self.assertIn("lo", self.bash_offers("flowsensor -i "))
        self.assertIn("auto", self.bash_offers("flowsensor -r x -i "))

    def test_bash_that_does_not_break_words_at_equals(self):
        self.assertEqual(self.bash_offers("flowsensor --set=log.level=de", breaks=" "), ["--set=log.level=debug"])
        self.assertEqual(self.bash_offers("flowsensor --set log.level=de", breaks=" "), ["log.level=debug"])

    def test_every_option_is_offered(self):
        paths = set(re.findall(r"(?m)^\| `([a-z_.]+)` \|", output(BINARY, "reference").split("## Record fields")[0]))
        self.assertGreater(len(paths), 50)
        offered = {path.rstrip("=").replace("outputs.0.", "outputs.") for path in self.bash_offers("flowsensor --set ")}
        self.assertEqual(offered, paths)
        fish = {word.split("\t")[0].split("=")[0].replace("outputs.0.", "outputs.") for word in self.fish_offers("flowsensor --set ")}
        self.assertEqual(fish, paths)

    def fish_offers(self, line):
        text = output("fish", "--no-config", "-c", f"source {self.script('fish')}; complete -C '{line}'", cwd=self.folder)
        return [word.split("\t")[0] for word in text.splitlines()]

    def test_fish(self):
        for line, expected in LINES:
            if ".3." in line:  # fish lists the first output's options
                line, expected = line.replace(".3.", ".0."), expected.replace(".3.", ".0.")
            with self.subTest(line):
                self.assertIn(expected.split()[-1], self.fish_offers(line))
        self.assertEqual(set(self.fish_offers("flowsensor completion ")), {"bash", "zsh", "fish"})


if __name__ == "__main__":
    unittest.main()
