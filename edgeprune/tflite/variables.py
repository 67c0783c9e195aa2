"""Networks with state: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE and CALL_ONCE become variable tensors.

In the file a variable is a name. VAR_HANDLE makes a handle of it, READ_VARIABLE(handle) copies its value
into a tensor, ASSIGN_VARIABLE(handle, value) copies a tensor into it, and CALL_ONCE runs a subgraph of
such assignments before the first use. In a QuantGraph a variable is a tensor: the one that was its first
handle. READ_VARIABLE(variable) -> value and ASSIGN_VARIABLE(value) -> variable are what is left, both of
them copies, in the order of the file; handles that are no longer needed stay as tensors that nothing
uses. What the initialisation assigns has become the bytes that the variable starts with.

What TFLM does is the rule: a variable has the type and shape of the first tensor that is assigned to it
(in the order of the subgraphs), and, where nothing initialises it, every byte of it is that tensor's zero
point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from edgeprune.errors import ModelError
from edgeprune.tflite.flatbuffer import damaged
from edgeprune.tflite.graph import Node, QuantGraph, Tensor
from edgeprune.tflite.options import CallOnceOptions, NoOptions, VarHandleOptions

RESOURCE = "resource"
"""The type of handles in the file; no tensor of a finished QuantGraph has it."""
HANDLE, READ, ASSIGN, CALL = "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"
WITHOUT_OUTPUT = (ASSIGN, CALL)
MAX_STATE_BYTES = 1 << 28
_OPERANDS = {HANDLE: (0, 1), READ: (1, 1), ASSIGN: (2, 0), CALL: (0, 0)}
"""How many inputs and outputs each has in the file."""

_HINT = "export the inference function alone, without loops and branches"


def fill_byte(tensor: Tensor) -> int:
    """What every byte of a variable is until it is assigned: the low byte of its zero point."""
    return tensor.quantization.zero_points[0] & 0xFF if tensor.quantization else 0


def fold(subgraphs: Sequence[QuantGraph]) -> QuantGraph:
    """The first of `subgraphs` with its state made explicit; raises ModelError for other subgraphs.

    Tensors of the type `resource` are handles. Indices are in range; nothing else is taken for granted.
    """
    calls = _calls(subgraphs)
    scopes = [_Scope(number, graph) for number, graph in enumerate(subgraphs)]
    variables = _variables(scopes)
    for number in calls:
        _initialise(variables, scopes[number])
    return _Rewriting(scopes[0], variables).graph()


@dataclass(frozen=True)
class _Scope:
    """One subgraph, with the names that its handles stand for."""

    number: int
    graph: QuantGraph

    def error(self, node: Node, message: str) -> ModelError:
        where = f" of subgraph {self.number}" if self.number else ""
        return ModelError(f"{node.op} (node {self.graph.nodes.index(node)}{where}) {message}", hint=_HINT)

    @cached_property
    def names(self) -> dict[int, str]:
        """By tensor, the name of the variable; every use of a handle has been checked."""
        names: dict[int, str] = {}
        for node in self.graph.nodes:
            _check_count(self, node)
            for position, index in enumerate(node.inputs):
                is_handle = index >= 0 and self.graph.tensors[index].dtype == RESOURCE
                wanted = position == 0 and node.op in (READ, ASSIGN)
                if is_handle != wanted:
                    what = "a variable's handle" if is_handle else "something else"
                    raise self.error(node, f"takes {what} as input {position}")
                if is_handle and index not in names:
                    raise self.error(node, "uses a handle that nothing made before it")
            for index in node.outputs:
                if (self.graph.tensors[index].dtype == RESOURCE) != (node.op == HANDLE):
                    raise self.error(node, "makes a handle" if node.op != HANDLE else "makes no handle")
            if node.op == HANDLE:
                if names.get(node.outputs[0], _name(node)) != _name(node):
                    raise self.error(node, "makes another's handle")
                names[node.outputs[0]] = _name(node)
        for index in (*self.graph.inputs, *self.graph.outputs):
            if self.graph.tensors[index].dtype == RESOURCE:
                raise ModelError("a variable's handle is an input or output of the network", hint=_HINT)
        return names

    def assignments(self) -> list[tuple[Node, str, Tensor]]:
        """Each ASSIGN_VARIABLE with the variable's name and the tensor assigned."""
        found = []
        names = self.names  # has every node checked
        for node in self.graph.nodes:
            if node.op == ASSIGN:
                if node.inputs[1] < 0:
                    raise self.error(node, "assigns nothing")
                found.append((node, names[node.inputs[0]], self.graph.tensors[node.inputs[1]]))
        return found


def _check_count(scope: _Scope, node: Node) -> None:
    counts = len(node.inputs), len(node.outputs)
    wanted = _OPERANDS.get(node.op, counts)
    if counts != wanted:
        raise scope.error(node, f"has {counts[0]} inputs and {counts[1]} outputs, not {wanted}")


def _name(node: Node) -> str:
    options = node.options
    assert isinstance(options, VarHandleOptions)
    if options.container:
        raise ModelError(
            f"a variable is in the container {options.container!r}, only '' is known", hint=_HINT
        )
    return options.shared_name


def _calls(subgraphs: Sequence[QuantGraph]) -> list[int]:
    """The subgraphs that initialise variables, in order; raises ModelError where others do more."""
    calls: dict[int, None] = {}
    is_used = False
    for position, node in enumerate(subgraphs[0].nodes):
        is_used = is_used or node.op in (READ, ASSIGN)
        if node.op != CALL:
            continue
        assert isinstance(node.options, CallOnceOptions)
        number = node.options.init_subgraph_index
        if not 0 < number < len(subgraphs):
            raise damaged(f"{CALL} (node {position}) runs subgraph {number}, there are {len(subgraphs)}")
        if is_used:
            raise ModelError(
                f"{CALL} (node {position}) comes after the first use of a variable, which is not supported",
                hint=_HINT,
            )
        calls.pop(number, None)  # of several runs of one subgraph, the last one decides
        calls[number] = None
    strangers = sorted(set(range(1, len(subgraphs))) - set(calls))
    if strangers:
        flow = [node.op for node in subgraphs[0].nodes if node.op in ("IF", "WHILE", "STABLEHLO_WHILE")]
        used = f" ({', '.join(dict.fromkeys(flow))} runs such)" if flow else ""
        raise ModelError(
            f"the model has {len(subgraphs)} subgraphs, and subgraph {strangers[0]} is no initialisation of "
            f"variables{used}: that is not supported",
            hint=_HINT,
        )
    return list(calls)


def _variables(scopes: Sequence[_Scope]) -> dict[str, Tensor]:
    """By name, each variable that is assigned anywhere; it starts with its zero point."""
    variables: dict[str, Tensor] = {}
    state_bytes = 0
    for scope in scopes:
        for node, name, value in scope.assignments():
            if name not in variables:
                state_bytes += value.size_bytes
                if state_bytes > MAX_STATE_BYTES:
                    raise scope.error(node, f"makes more than {MAX_STATE_BYTES} bytes of variables")
                plain = Tensor(name, value.dtype, value.shape, value.quantization, is_variable=True)
                variables[name] = replace(plain, data=bytes([fill_byte(plain)]) * plain.size_bytes)
            _check_same(scope, node, variables[name], value)
    return variables


def _check_same(scope: _Scope, node: Node, variable: Tensor, value: Tensor) -> None:
    """Copies are of bytes: shapes may differ, types and sizes may not."""
    if (variable.dtype, variable.elements) != (value.dtype, value.elements):
        raise scope.error(
            node,
            f"moves {value.dtype} {list(value.shape)}, variable {variable.name!r} is {variable.dtype} "
            f"{list(variable.shape)}",
        )


def _initialise(variables: dict[str, Tensor], scope: _Scope) -> None:
    """Let `variables` start with what the initialisation `scope` assigns to them."""
    for node in scope.graph.nodes:
        if node.op not in (HANDLE, ASSIGN):
            raise scope.error(node, "is in the initialisation of variables, which may only assign constants")
    if scope.graph.inputs or scope.graph.outputs:
        raise ModelError(f"subgraph {scope.number}, an initialisation, has inputs or outputs", hint=_HINT)
    for node, name, value in scope.assignments():
        if not value.is_constant:
            raise scope.error(node, "initialises a variable with something that is no constant")
        variables[name] = replace(variables[name], data=value.data)


class _Rewriting:
    """The main subgraph, with variables in the place of handles."""

    def __init__(self, scope: _Scope, variables: dict[str, Tensor]) -> None:
        self._scope = scope
        self._variables = variables
        self._places: dict[str, int] = {}
        for index, name in scope.names.items():
            self._places.setdefault(name, index)

    def graph(self) -> QuantGraph:
        main = self._scope.graph
        tensors = [
            replace(tensor, dtype="int32", data=None) if tensor.dtype == RESOURCE else tensor
            for tensor in main.tensors
        ]
        for name, index in self._places.items():
            tensors[index] = self._variables.get(name, tensors[index])
        nodes = [self._node(node) for node in main.nodes if node.op not in (HANDLE, CALL)]
        return QuantGraph(tuple(tensors), tuple(nodes), main.inputs, main.outputs)

    def _node(self, node: Node) -> Node:
        if node.op not in (READ, ASSIGN):
            return node
        name = self._scope.names[node.inputs[0]]
        if name not in self._variables:
            raise self._scope.error(node, f"uses variable {name!r}, which nothing assigns")
        place = self._places[name]
        if node.op == ASSIGN:
            return Node(ASSIGN, node.version, (node.inputs[1],), (place,), NoOptions())
        target = self._scope.graph.tensors[node.outputs[0]]
        _check_same(self._scope, node, self._variables[name], target)
        return Node(READ, node.version, (place,), node.outputs, NoOptions())
