"""What is said of a run while it goes on."""

import io

from controlplane.local.progress import Progress


def test_where_no_line_can_change_each_step_is_a_line() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.step("Starting the machine ...")
        meter = progress.count(10)
        meter.add()
        progress.say("[web] was started again.")
        progress.step("Downloading ...")
    assert stream.getvalue() == "Starting the machine ...\n[web] was started again.\nDownloading ...\n"
