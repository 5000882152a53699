"""The machine itself: `job`, its whole path from message to stored result, or `codec`, the pixels alone."""

import os
import subprocess
import sys

from benchmarks.peers import messages
from benchmarks.peers.child import Task, serve
from benchmarks.peers.memory_s3 import MemoryS3
from imagemachine import bootstrap
from imagemachine.batch import Batch  # noqa: TC001 - hidden imports are no help to readers
from imagemachine.settings import Settings
from imagemachine.steps import Cover, Fit, Turn
from imagemachine.variant import Limits, Variant

_RESULTS = "results"


def variant_of(task: Task) -> Variant:
    """The variant that does `task`."""
    sized = Cover if task.cover else Fit
    step = Turn(task.degrees) if task.degrees else sized(task.width, task.height)
    return Variant("benchmark", [step], task.quality, formats=task.formats)


def codec(data: bytes, task: Task) -> bytes:
    """The pixels alone, in this process."""
    from imagemachine.render import render  # As the machine, the job does not load it.

    settings = Settings(output_prefix="benchmark/")
    return render(variant_of(task), data, Limits(settings.max_bytes, settings.max_pixels)).data


class Job:
    """The whole path: message, limits, storage, sandbox, log; only S3's client and network are left out."""

    def __init__(self) -> None:
        self._s3 = MemoryS3()
        self._task: Task | None = None
        self._handler: Batch | None = None
        self._data = b""
        bootstrap._client = lambda service: self._s3
        os.environ["OUTPUT_BUCKET"] = _RESULTS

    def __call__(self, data: bytes, task: Task) -> bytes:
        """Announce the upload to the handler, and take the result."""
        key = messages.key_of(data)
        if data is not self._data:
            self._data = data
            self._s3.put_object(Bucket=messages.UPLOADS, Key=key, Body=data)
        if self._handler is None or task != self._task:
            self._task = task
            self._handler = bootstrap.function(variant_of(task))
        answer = self._handler(messages.event([key], [len(data)]), messages.Context())
        if answer["batchItemFailures"]:
            raise RuntimeError(f"The machine did not make {task} of {key}.")
        start = key.replace("ingest/", "benchmark/", 1)  # Behind it comes another extension, where the format is one.
        made = [place for place in self._s3.objects if place[0] == _RESULTS and place[1].startswith(start)]
        return b"".join(self._s3.objects.pop(place) for place in sorted(made, key=lambda place: len(place[1])))


def engine() -> dict[str, str]:
    """Asked of another process: the function has no Pillow in its memory either."""
    script = "import PIL; from PIL import features; print(PIL.__version__, features.version('zlib_ng'))"
    pillow, zlib_ng = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    return {"Pillow": pillow, "zlib-ng": zlib_ng}


if __name__ == "__main__":
    serve(engine(), Job() if sys.argv[1] == "job" else codec)
