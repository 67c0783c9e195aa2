"""How much of a `.tflite` network lives from one run to the next: LiteRT does not tell.

Two kinds of state are in the format: tensors that are variable by themselves, and named variables behind
VAR_HANDLE. The host's reader knows far more of the file; this one runs on the device and needs no numpy.
"""

import math

from edgeprune.tflite.flatbuffer import File, Table, damaged
from edgeprune.tflite.opcodes import OPERATORS, TENSOR_TYPES

# Numbers of fields in the schema, version 3.
_CODES, _SUBGRAPHS = 1, 2  # Model
_TENSORS, _OPERATORS = 0, 3  # SubGraph
_SHAPE, _TYPE, _IS_VARIABLE = 0, 1, 5  # Tensor
_INDEX, _INPUTS, _OUTPUTS, _OPTIONS = 0, 1, 2, 4  # Operator
_OLD_CODE, _CODE = 0, 3  # OperatorCode
_SHARED_NAME = 1  # VarHandleOptions
_MOST = 1 << 20
_HANDLE, _READ, _ASSIGN = map(OPERATORS.index, ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"))
_BYTES = {"FLOAT32": 4, "INT32": 4, "UINT32": 4, "FLOAT16": 2, "BFLOAT16": 2, "INT16": 2, "UINT16": 2}
_BYTES |= {"INT64": 8, "UINT64": 8, "FLOAT64": 8, "COMPLEX64": 8, "COMPLEX128": 16}


def state_bytes(model: bytes) -> int:
    """The bytes of all variables of the network; ModelError where the file is damaged."""
    try:
        return _state_bytes(File(model).root())
    except IndexError as error:
        raise damaged("it refers to a tensor or an operator that it does not have") from error


def _state_bytes(root: Table) -> int:
    codes = [
        max(table.integer(_OLD_CODE, "int8"), table.integer(_CODE, "int32"))
        for table in root.tables(_CODES, "operator codes", _MOST)
    ]
    named: dict[str, int] = {}
    flagged = 0
    for subgraph in root.tables(_SUBGRAPHS, "subgraphs", _MOST):
        tensors = subgraph.tables(_TENSORS, "tensors", _MOST)
        flagged += sum(_size(tensor) for tensor in tensors if tensor.boolean(_IS_VARIABLE))
        _add_named(subgraph, tensors, codes, named)
    return flagged + sum(named.values())


def _add_named(subgraph: Table, tensors: list[Table], codes: list[int], named: dict[str, int]) -> None:
    """Put the size of what is read from or assigned to each named variable into `named`."""
    names: dict[int, str] = {}
    for operator in subgraph.tables(_OPERATORS, "operators", _MOST):
        code = codes[operator.integer(_INDEX, "uint32")]
        inputs = operator.integers(_INPUTS, "int32", "operands", _MOST)
        outputs = operator.integers(_OUTPUTS, "int32", "operands", _MOST)
        if code == _HANDLE:
            options = operator.table(_OPTIONS)
            names[outputs[0]] = options.string(_SHARED_NAME, _MOST) if options else ""
        elif code in (_READ, _ASSIGN) and inputs[0] in names:
            value = outputs[0] if code == _READ else inputs[1]
            name = names[inputs[0]]
            named[name] = max(named.get(name, 0), _size(tensors[value]))


def _size(tensor: Table) -> int:
    shape = tensor.integers(_SHAPE, "int32", "dimensions", _MOST)
    kind = TENSOR_TYPES[tensor.integer(_TYPE, "int8")]
    return math.prod(abs(extent) for extent in shape) * _BYTES.get(kind, 1)
