"""The workloads: data, sizes, first weights and batch order, declared once for every system; a file a family.

A system (``bench/systems``) gets a workload's data and returns a function that does a round and gives the loss that it
ends with; so a system that does less arithmetic, or another one, shows in the loss.
"""

from __future__ import annotations

from bench.workloads import convolution, generation, language, linear, pooled, recurrent, tagging, toy
from bench.workloads.declared import Data, MissingDataError, Workload

_FAMILIES = (language, generation, pooled, convolution, recurrent, linear, tagging, toy)
WORKLOADS = {workload.name: workload for family in _FAMILIES for workload in family.WORKLOADS}

__all__ = ["WORKLOADS", "Data", "MissingDataError", "Workload"]
