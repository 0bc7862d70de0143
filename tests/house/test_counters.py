"""Tests of counters.py. Run: python3 -m unittest discover -s tests/house"""
from planted import Planted

TABLE = """/* Counters. */
COUNTER(intake, bytes, SUM, COUNTER, "bytes", "flowsensor_bytes_total", "Bytes.", UNREPORTED, UNSAID)
COUNTER(intake, held, SUM, GAUGE, "packets", "flowsensor_held", "Held.", UNREPORTED, IN_ACCOUNT)
COUNTER(capture, clock_steps, MAX, COUNTER, "steps", "flowsensor_clock_steps_total", "Steps.", UNREPORTED, SAID(count > 0, "; steps"))
COUNTERS(meter, flows_ended, 0, END_COUNT, end_name, COUNTER, "flows", "reason", "flowsensor_flows_ended_total", "Ended.")
"""


class Counters(Planted):
    script = "counters.py"

    def setUp(self):
        super().setUp()
        self.plant("sensor/app/account/counters.def", TABLE)
        self.plant("sensor/app/run/intake.c", "void a(void) {\n    intake->counted.bytes = part.intake.bytes + ledger->intake.held;\n}\n")
        self.plant("sensor/capture/live.c", "void b(void) {\n    capture->clock_steps++;\n}\n")
        self.plant("sensor/meter/meter.c", "void c(void) {\n    statistics->flows_ended[0]++;\n}\n")

    def test_clean_tree(self):
        self.assertIn("4 counters", self.passes())

    def test_tree_without_a_table(self):
        (self.root / "sensor/app/account/counters.def").unlink()
        self.passes()

    def test_counter_in_a_second_file(self):
        for name, code in (("bytes", "ledger->intake.bytes"), ("bytes", "reader.counted.bytes"), ("clock_steps", "ledger->capture.clock_steps"), ("clock_steps", "now . clock_steps"),
                           ("clock_steps", "statistics->clock_steps")):
            for file in ("account/ledger_log.c", "monitor/traffic.c", "run/serial.c", "main.c"):
                with self.subTest(code, file=file):
                    self.plant(f"sensor/app/{file}", f"int d(void) {{\n    return {code};\n}}\n")
                    self.finds(f"sensor/app/{file}:2", f"counter {name}", "counters.def")
                    self.plant(f"sensor/app/{file}", "")

    def test_term_of_an_account(self):
        code = "int d(void) {\n    return ledger->intake.held +\n           ledger->meter.flows_ended[1];\n}\n"
        for file in ("account/ledger_log.c", "run/serial.c"):
            self.plant(f"sensor/app/{file}", code)
        self.passes()
        self.plant("sensor/app/monitor/traffic.c", code)
        self.finds("sensor/app/monitor/traffic.c:2", "counter held")
        self.finds("sensor/app/monitor/traffic.c:3", "counter flows_ended")

    def test_what_is_no_use(self):
        self.plant("sensor/app/monitor/traffic.c", "/* ledger->intake.bytes */\nint d(void) {\n"
                   '    puts("capture.clock_steps");\n    return sink->clock_steps() + text.bytes + bytes;\n}\n')
        self.passes()

    def test_metric_in_a_second_file(self):
        self.plant("sensor/app/monitor/metric_rows.c", '/* "flowsensor_held" */\nconst char *a = "flowsensor_clock_steps_total";\n')
        self.finds("sensor/app/monitor/metric_rows.c:2", "flowsensor_clock_steps_total", "counters.def")
        self.plant("sensor/app/monitor/metric_rows.c", 'const char *a = "flowsensor_clock_steps";\n')
        self.passes()

    def test_counter_that_nothing_counts(self):
        self.plant("sensor/capture/live.c", "/* clock_steps */\nint b;\n")
        self.finds("sensor/app/account/counters.def:4", "clock_steps", "capture/")

    def test_place_that_is_none(self):
        self.plant("sensor/app/account/counters.def", TABLE.replace("(capture,", "(sink,"))
        self.finds("sensor/app/account/counters.def:4", "sink", "intake, capture, meter")
