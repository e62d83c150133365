"""Tensors in files of safetensors: each whole at every moment, readable to whom it should be."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from models.files import replaced_whole


def write_tensors(
    file: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write what `plain` gave. The file is replaced as a whole."""
    with replaced_whole(file, durable=True, one_writer=True) as draft:
        draft.touch()
        usual_mode = draft.stat().st_mode
        save_file(tensors, draft, metadata=metadata)
        draft.chmod(usual_mode)  # safetensors lets nobody but the owner read its files


def plain(
    state: Mapping[str, torch.Tensor], dtype: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, each with memory of its own, as safetensors wants them."""
    return {
        name: tensor.detach()
        .to("cpu", dtype if tensor.is_floating_point() else None)
        .clone(memory_format=torch.contiguous_format)
        for name, tensor in state.items()
    }
