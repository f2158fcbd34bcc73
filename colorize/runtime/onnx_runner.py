"""Running networks with ONNX Runtime, without torch.

`load` takes the weights of the networks as they are, or a file that `python -m colorize.export`
made.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from colorize.errors import ColorizeError
from colorize.models import registry
from colorize.models.compact_config import HINT_CHANNELS, STATISTICS
from colorize.models.metadata import METADATA_KEY, ModelMetadata
from colorize.runtime.threads import available_cpus

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

INSTALL = "pip install 'colorize-photos[onnx]'"
MANY_BYTES = 1 << 26  # of weights: more than those of `compact`
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@dataclass(frozen=True)
class Device:
    """Where ONNX Runtime runs the network; named as by torch."""

    type: Literal["cpu", "cuda"]
    index: int = 0

    def __str__(self) -> str:
        return self.type if self.type == "cpu" else f"{self.type}:{self.index}"


class OnnxRunner:
    """Runs a network in ONNX Runtime."""

    def __init__(
        self,
        model: bytes | Path,
        name: str,
        device: Device | None = None,
        tensors: Mapping[str, Array] | None = None,
    ):
        """Take a model that says in its metadata what it is; `name` is for messages.

        tensors: those that the model names but does not hold. Raises ColorizeError for what
        ONNX Runtime can't read and for models that aren't ours.
        """
        self._device = device or Device("cpu")
        self._model = model
        self._tensors = tensors or {}
        self._threads = available_cpus()
        self._session = self._new_session(name)
        self.metadata = _metadata(self._session, name)

    @property
    def device(self) -> str:
        """Where the network runs."""
        return str(self._device)

    def __call__(
        self, lightness: Array, hints: Array | None = None, statistics: Array | None = None
    ) -> Floats:
        """Return the network's output for L, (b, 1, h, w) in [0, 100].

        hints, statistics: as `colorize.models` has them, for networks that take them. Raises
        RuntimeError, as torch does, where the processor or its memory fails.
        """
        given = {"hints": hints, "statistics": statistics}
        wanted = {one.name for one in self._session.get_inputs()} - {"lightness"}
        refused = [
            name for name, value in given.items() if value is not None and name not in wanted
        ]
        if refused:
            raise ColorizeError(f"{self.metadata.architecture} takes no {' and no '.join(refused)}")
        inputs = {"lightness": np.ascontiguousarray(lightness, np.float32)}
        for name in wanted:
            value = self._nothing(name, lightness.shape) if given[name] is None else given[name]
            inputs[name] = np.ascontiguousarray(value, np.float32)
        try:
            result: Floats = self._session.run(None, inputs)[0]
        except Exception as error:  # those of ONNX Runtime have no public common class
            raise RuntimeError(_first_line(error)) from error
        return result.astype(np.float32, copy=False)

    def _nothing(self, name: str, lightness: tuple[int, ...]) -> Floats:
        """Return the input that says nothing, for L of that shape."""
        b, _, h, w = lightness
        if name == "statistics":
            return np.zeros((b, STATISTICS), np.float32)
        stride = self.metadata.output_stride
        return np.zeros((b, HINT_CHANNELS, h // stride, w // stride), np.float32)

    def is_oom(self, error: Exception) -> bool:
        """Tell whether the error of a call means that the memory is too small."""
        text = str(error).lower()
        return any(part in text for part in ("failed to allocate", "out of memory", "bad_alloc"))

    def empty_cache(self) -> None:
        """Let go of what a failed call left."""
        gc.collect()

    def move_to_cpu(self) -> None:
        """Go on without the GPU."""
        self._device = Device("cpu")
        self._session = self._new_session(self.metadata.architecture)

    def set_threads(self, threads: int) -> None:
        """Run each call with so many threads, and as many calls at once as there are callers."""
        threads = min(threads, available_cpus())
        if threads != self._threads:
            self._threads = threads
            self._session = self._new_session(self.metadata.architecture)

    def _new_session(self, name: str) -> Any:
        return _session(self._model, self._tensors, name, self._device, self._threads)


def load(
    name: str = "compact",
    weights: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    *,
    quiet: bool = True,
) -> OnnxRunner:
    """Return the model's network, by its own weights or by a file.

    weights: a file of `python -m colorize.export` (.onnx), or one that torch would read too.
    device: "cpu", "cuda", "cuda:1", ...; "gpu" is "cuda". Downloads published weights on first
    use; `quiet` hides the progress bar. Raises ColorizeError.
    """
    model = registry.find(name)
    where = find_device(device)
    if weights is not None and os.fsdecode(weights).lower().endswith(".onnx"):
        network = OnnxRunner(_existing(Path(weights)), os.fsdecode(weights), where)
        found = network.metadata.architecture
        if found != name:
            raise ColorizeError(f"{weights}: holds {found}, not {name}; use --model {found}")
        return network
    file = registry.path(name, quiet=quiet) if weights is None else Path(weights)
    content, tensors = _model_of(file, model.architecture)
    return OnnxRunner(content, str(file), where, tensors)


def _model_of(file: Path, architecture: str) -> tuple[bytes, Mapping[str, Array]]:
    """Return the ONNX model of a weights file, and the tensors that it does not hold."""
    try:
        # Here, not above: the package onnx is only needed to make a graph.
        from colorize.runtime.onnx_compact import model_apart
        from colorize.runtime.onnx_published import published_model
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    if architecture == "compact":
        return model_apart(file)
    return published_model(file, architecture)


def _existing(file: Path) -> Path:
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise ColorizeError(f"{file}: cannot read the weights: {error.strerror}") from error


def _runtime() -> Any:
    """Return the module onnxruntime, or raise ColorizeError with what to install."""
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing(error) from error
    return onnxruntime


def _missing(error: ImportError) -> ColorizeError:
    return ColorizeError(
        f"--backend onnx needs {error.name or 'onnxruntime'}, which is not installed: {INSTALL}"
    )


def find_device(name: str) -> Device:
    """Return the device of that name. Raises ColorizeError where ONNX Runtime lacks it."""
    kind, _, index = name.partition(":")
    if name == "cpu":
        return Device("cpu")
    if kind not in ("gpu", "cuda") or not (index.isdigit() or name == kind):
        raise ColorizeError(f"device {name!r}: ONNX Runtime has cpu, cuda and cuda:N here")
    if CUDA not in _runtime().get_available_providers():
        raise ColorizeError(
            f"device {name!r}: this ONNX Runtime is for the CPU alone; install onnxruntime-gpu "
            "instead of onnxruntime, or leave out the device"
        )
    return Device("cuda", int(index or 0))


def _session(
    model: bytes | Path, tensors: Mapping[str, Array], name: str, device: Device, threads: int
) -> Any:
    """Return the session that runs the model. Raises ColorizeError where it can't be."""
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone; they come as exceptions too
    options.intra_op_num_threads = threads
    # idle threads would spin on the cores that decode and encode the other photographs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if sum(array.nbytes for array in tensors.values()) > MANY_BYTES:
        # To put so many weights into another order takes longer than it saves, and their memory.
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    if tensors:
        values = [runtime.OrtValue.ortvalue_from_numpy(array) for array in tensors.values()]
        options.add_external_initializers(list(tensors), values)
    providers: list[Any] = [CPU]
    if device.type == "cuda":
        providers.insert(0, (CUDA, {"device_id": str(device.index)}))
    try:
        source = os.fspath(model) if isinstance(model, Path) else model
        session = runtime.InferenceSession(source, options, providers=providers)
    except Exception as error:  # those of ONNX Runtime have no public common class
        raise ColorizeError(f"{name}: ONNX Runtime can't load it: {_first_line(error)}") from error
    if device.type == "cuda" and CUDA not in session.get_providers():
        raise ColorizeError(
            f"device {device}: CUDA can't be used; its libraries or GPU are missing"
        )
    return session


def _metadata(session: Any, name: str) -> ModelMetadata:
    """Return the metadata of a model, or raise ColorizeError."""
    said = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if said is None:
        raise ColorizeError(f"{name}: no model of python -m colorize.export: it lacks its settings")
    try:
        return ModelMetadata.from_json(said)
    except ValueError as error:
        raise ColorizeError(f"{name}: damaged: its settings make no sense") from error


def _first_line(error: BaseException) -> str:
    """Return the first line of the error's message, or its type's name."""
    return (str(error).splitlines() or [type(error).__name__])[0]
