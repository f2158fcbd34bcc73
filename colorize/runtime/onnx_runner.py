"""Run a network in ONNX Runtime, without torch.

`load` takes the weights files of the networks, or a file of `python -m colorize.export`.
"""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from colorize.color.types import Floats
from colorize.errors import ColorizeError, first_line
from colorize.installation import require_torch
from colorize.models import registry
from colorize.models.metadata import METADATA_KEY, ModelMetadata
from colorize.models.serialization import ensure_safetensors, read_weights
from colorize.runtime import skeleton
from colorize.runtime.onnx_file import check_onnx_file
from colorize.runtime.threads import available_cpus

NO_PREPACK_BYTES = 1 << 26  # of weights: more than those of `compact`
HINT_CHANNELS = 3
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
OOM_PHRASES = ("failed to allocate", "out of memory", "bad_alloc", "available memory of")
MEMORY_SHARE = 0.75  # of the machine's that a graph of unknown origin may take
ASSUMED_MEMORY = 16 << 30  # bytes, where the system does not say

Tensors = Mapping[str, npt.NDArray[np.float32]]


class OnnxRunner:
    """Runs an ONNX model with the inputs and output of a `models.base.Network`."""

    def __init__(
        self,
        model: Path,
        name: str,
        *,
        metadata: ModelMetadata | None = None,
        tensors: Tensors | None = None,
        device: str = "cpu",
    ):
        """Load the model.

        Args:
            model: An .onnx file.
            name: What messages call the model.
            metadata: Of the network; None takes it from the model.
            tensors: Initializers that the model only names.
            device: "cpu" or "cuda:N".

        Raises:
            ColorizeError: ONNX Runtime cannot load the model, or it is not one of ours.
        """
        self.device = device
        self._model, self._name, self._tensors = model, name, tensors or {}
        self._threads = available_cpus()
        self._session = self._new_session()
        self.metadata = _read_metadata(self._session, name) if metadata is None else metadata

    def __call__(self, lightness: Floats, hints: Floats | None = None) -> Floats:
        """Return the network's output, see `models.base.Network`.

        Raises RuntimeError, as torch does, where the device or its memory fails.
        """
        inputs = {"lightness": np.ascontiguousarray(lightness, np.float32)}
        if self.metadata.takes_hints:
            inputs["hints"] = self._zero_hints(lightness) if hints is None else hints
        try:
            result: Floats = self._session.run(None, inputs)[0]
        except Exception as error:  # ONNX Runtime's exceptions have no public base class
            raise RuntimeError(first_line(error)) from error
        return result

    def _zero_hints(self, lightness: Floats) -> Floats:
        b, _, h, w = lightness.shape
        stride = self.metadata.output_stride
        return np.zeros((b, HINT_CHANNELS, h // stride, w // stride), np.float32)

    def is_oom(self, error: Exception) -> bool:
        """Return whether an error of a call means too little memory."""
        text = str(error).lower()
        return any(phrase in text for phrase in OOM_PHRASES)

    def empty_cache(self) -> None:
        """Release what a failed call left."""
        gc.collect()

    def move_to_cpu(self) -> None:
        """Continue on the CPU."""
        self.device = "cpu"
        self._session = self._new_session()

    def set_threads(self, threads: int) -> None:
        """Use this number of CPU threads for each call; concurrent calls have their own."""
        threads = min(threads, available_cpus())
        if threads != self._threads:
            self._threads = threads
            del self._session  # first: two sessions would take twice the memory
            self._session = self._new_session()

    def _new_session(self) -> onnxruntime.InferenceSession:
        """Return a session on the device. Raises ColorizeError if there can be none."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # only errors; they come as exceptions too
        options.intra_op_num_threads = self._threads
        # idle threads would spin on the cores that decode and encode the other photographs
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if sum(array.nbytes for array in self._tensors.values()) > NO_PREPACK_BYTES:
            # Reordering this many weights takes longer than it saves, and doubles their memory.
            levels = onnxruntime.GraphOptimizationLevel
            options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED
        if self._tensors:
            values = map(onnxruntime.OrtValue.ortvalue_from_numpy, self._tensors.values())
            options.add_external_initializers(list(self._tensors), list(values))
        else:  # not one of our graphs: an operator may ask for any amount of memory
            _limit_memory()
            options.add_session_config_entry("session.use_env_allocators", "1")
        providers: list[str | tuple[str, dict[str, str]]] = [CPU]
        if self.device != "cpu":
            providers.insert(0, (CUDA, {"device_id": self.device.partition(":")[2]}))
        try:
            # bytes, not the path: ONNX Runtime would look for the initializers next to the file
            model = self._model.read_bytes() if self._tensors else os.fspath(self._model)
            session = onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # ONNX Runtime's exceptions have no public base class
            raise ColorizeError(
                f"{self._name}: ONNX Runtime cannot load it: {first_line(error)}"
            ) from error
        if self.device != "cpu" and CUDA not in session.get_providers():
            raise ColorizeError(
                f"device {self.device}: CUDA cannot be used; its libraries or GPU are missing"
            )
        return session


@functools.cache
def _limit_memory() -> None:
    """Limit what sessions with the process's allocator may take together."""
    total = ASSUMED_MEMORY
    with suppress(AttributeError, OSError, ValueError):  # Windows
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    limits = onnxruntime.OrtArenaCfg({"max_mem": int(total * MEMORY_SHARE)})
    with suppress(Exception):  # the program around this library has set its own
        onnxruntime.create_and_register_allocator(cpu, limits)


def load(
    name: str = registry.DEFAULT_MODEL,
    weights: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    *,
    quiet: bool = True,
) -> OnnxRunner:
    """Return the network with its own weights or those of a file.

    Args:
        name: A network of the registry. Published weights are downloaded on first use.
        weights: A file of `python -m colorize.export` (.onnx), or one that torch reads too.
        device: "cpu", "cuda", "cuda:1", ...; "gpu" is "cuda".
        quiet: Hide the progress bar of a download.

    Raises:
        ColorizeError: The weights cannot be obtained or do not fit, or there is no such device.
    """
    model = registry.find(name)
    device = resolve_device(device)
    if weights is not None and os.fsdecode(weights).lower().endswith(".onnx"):
        check_onnx_file(Path(weights))
        runner = OnnxRunner(Path(weights), os.fsdecode(weights), device=device)
        found = runner.metadata.architecture
        if found != model.architecture:
            raise ColorizeError(f"{weights}: holds {found}, not {name}; use --model {found}")
        return runner
    graph = skeleton.read_skeleton(model)
    file = ensure_safetensors(name, quiet=quiet) if weights is None else Path(weights)
    metadata, tensors = skeleton.fill(graph, read_weights(file, model), file, model)
    return OnnxRunner(
        skeleton.graph_path(model), str(file), metadata=metadata, tensors=tensors, device=device
    )


def resolve_device(name: str) -> str:
    """Return "cpu" or "cuda:N". Raises ColorizeError for a device that ONNX Runtime lacks."""
    device_type, _, index = name.partition(":")
    if name == "cpu":
        return "cpu"
    if device_type == "mps":
        require_torch(f"device {name!r}")
    if device_type not in ("gpu", "cuda") or not (index.isdigit() or name == device_type):
        raise ColorizeError(f"device {name!r}: ONNX Runtime runs on cpu, cuda and cuda:N here")
    if CUDA not in onnxruntime.get_available_providers():
        require_torch(f"device {name!r}: this ONNX Runtime only runs on the CPU; the GPU")
        raise ColorizeError(
            f"device {name!r}: this ONNX Runtime only runs on the CPU; use --backend torch, or "
            "install onnxruntime-gpu instead of onnxruntime"
        )
    return f"cuda:{index or 0}"


def _read_metadata(session: onnxruntime.InferenceSession, name: str) -> ModelMetadata:
    """Return the metadata of a model, or raise ColorizeError."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ColorizeError(f"{name}: not a file of python -m colorize.export: no metadata in it")
    try:
        return ModelMetadata.from_json(text)
    except ValueError as error:
        raise ColorizeError(
            f"{name}: its metadata is damaged or of an earlier version; export it again"
        ) from error
