"""Networks with state: how their variables are read from the file, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.tflite_writer import write
from support.tools import require_module

from edgeprune.errors import ModelError
from edgeprune.ops import bind
from edgeprune.ops.builder import Step, activation, network, per_tensor, variable
from edgeprune.tflite.graph import QuantGraph
from edgeprune.tflite.options import ArithmeticOptions
from edgeprune.tflite.read import read
from edgeprune.tflite.variables import MAX_STATE_BYTES

# The writer's file of `accumulator`: node 0 is CALL_ONCE of subgraph 1, node 1 VAR_HANDLE, then the steps.
ONCE, HANDLE, FIRST_READ, ADD, FIRST_ASSIGN = range(5)


def accumulator(start: int = 9) -> QuantGraph:
    """y = x + state; state = y. Tensors: x, y, the variable, its value."""
    x, y, old = (activation((1, 4), 0.1, 3) for _ in range(3))
    state = variable(np.full((1, 4), start, np.int8), "sum", per_tensor(0.1, 3))
    steps = [
        Step("READ_VARIABLE", [state], [old]),
        Step("ADD", [x, old], [y], ArithmeticOptions()),
        Step("ASSIGN_VARIABLE", [y], [state]),
    ]
    return network(steps, [x], [y])


def patched(change: Callable[[Any, Any], None], graph: QuantGraph | None = None) -> bytes:
    """The accumulator's file after `change(schema, model)` on TFLM's object of it."""
    require_module("tflite_micro")
    flatbuffers = require_module("flatbuffers")
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(write(graph or accumulator()), 0)
    change(schema, model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def refused(data: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        read(data)
    assert caught.value.hint
    return caught.value.message


def nodes(model: Any, subgraph: int = 0) -> Any:
    return model.subgraphs[subgraph].operators


def test_a_variable_comes_back_with_what_it_starts_with() -> None:
    graph = read(write(accumulator()))
    assert graph == accumulator()
    assert [node.op for node in graph.nodes] == ["READ_VARIABLE", "ADD", "ASSIGN_VARIABLE"]
    (index,) = graph.variables
    assert graph.tensors[index].name == "sum"
    assert graph.tensors[index].array().tolist() == [[9, 9, 9, 9]]
    assert not graph.tensors[index].is_constant


def test_a_variable_that_nothing_initialises_is_its_zero_point() -> None:
    data = write(accumulator(start=3))
    assert read(data) == accumulator(start=3)
    assert b"NoOp" not in data

    def forget(schema: Any, model: Any) -> None:
        del model.subgraphs[1]
        del nodes(model)[ONCE]

    assert read(patched(forget)) == accumulator(start=3)


def test_two_handles_of_a_name_are_one_variable() -> None:
    def again(schema: Any, model: Any) -> None:
        main = model.subgraphs[0]
        handle = nodes(model)[FIRST_ASSIGN].inputs[0]
        main.tensors.append(main.tensors[handle])
        second = schema.OperatorT()
        second.__dict__.update(vars(nodes(model)[HANDLE]))
        second.outputs = [len(main.tensors) - 1]
        main.operators.insert(FIRST_ASSIGN, second)
        nodes(model)[FIRST_ASSIGN + 1].inputs = [len(main.tensors) - 1, nodes(model)[ADD].outputs[0]]

    graph = read(patched(again))
    assert graph.nodes == accumulator().nodes
    assert graph.tensors[:-1] == accumulator().tensors
    assert graph.tensors[-1].dtype == "int32"  # the handle that is left over
    assert len(graph.variables) == 1


def test_the_last_initialisation_decides() -> None:
    def twice(schema: Any, model: Any) -> None:
        nodes(model).insert(1, nodes(model)[ONCE])
        inits = nodes(model, 1)
        inits.extend(inits[:2])

    assert read(patched(twice)) == accumulator()


def _set(path: str, value: Any) -> Callable[[Any, Any], None]:
    def change(schema: Any, model: Any) -> None:
        *parents, last = path.split(".")
        owner = model
        for name in parents:
            owner = owner[int(name)] if name.isdigit() else getattr(owner, name)
        if last.isdigit():
            owner[int(last)] = value
        else:
            setattr(owner, last, value)

    return change


def _move(source: int, target: int) -> Callable[[Any, Any], None]:
    def change(schema: Any, model: Any) -> None:
        nodes(model).insert(target, nodes(model).pop(source))

    return change


def _operator(name: str) -> Callable[[Any, Any], None]:
    """ADD becomes operator `name`, without options."""

    def change(schema: Any, model: Any) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        model.operatorCodes.append(code)
        node = nodes(model)[ADD]
        node.opcodeIndex, node.builtinOptions, node.builtinOptionsType = len(model.operatorCodes) - 1, None, 0

    return change


def _copy(schema: Any, node: Any) -> Any:
    made = schema.OperatorT()
    made.__dict__.update(vars(node))
    return made


def _name(schema: Any, name: bytes) -> Any:
    options = schema.VarHandleOptionsT()
    options.sharedName = name
    return options


def _both(*changes: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    def change(schema: Any, model: Any) -> None:
        for each in changes:
            each(schema, model)

    return change


MAIN, INIT = "subgraphs.0.operators", "subgraphs.1.operators"


def _places() -> dict[str, int]:
    graph = accumulator()
    read_node, add, _ = graph.nodes
    return {
        "x": graph.inputs[0],
        "y": add.outputs[0],
        "variable": graph.variables[0],
        "old": read_node.outputs[0],
    }


AT = _places()

REFUSED: dict[str, tuple[Callable[[Any, Any], None], str]] = {
    "stranger": (lambda schema, m: m.subgraphs.append(m.subgraphs[1]), "3 subgraphs, and subgraph 2"),
    "loop": (
        _both(_operator("WHILE"), lambda schema, m: m.subgraphs.append(m.subgraphs[1])),
        "(WHILE runs such)",
    ),
    "subgraph out of range": (_set(f"{MAIN}.{ONCE}.builtinOptions.initSubgraphIndex", 7), "runs subgraph 7"),
    "main as initialisation": (_set(f"{MAIN}.{ONCE}.builtinOptions.initSubgraphIndex", 0), "runs subgraph 0"),
    "initialised after use": (_move(ONCE, 3), "comes after the first use"),
    "handle made after use": (_move(HANDLE, 4), "uses a handle that nothing made"),
    "handle of another type": (_set(f"{MAIN}.{HANDLE}.outputs", [AT["old"]]), "makes no handle"),
    "handle of two": (
        lambda schema, m: (
            nodes(m).insert(HANDLE, _copy(schema, nodes(m)[HANDLE])),
            _set(f"{MAIN}.{HANDLE}.builtinOptions", _name(schema, b"other"))(schema, m),
        )[0],
        "makes another's handle",
    ),
    "container": (_set(f"{MAIN}.{HANDLE}.builtinOptions.container", b"box"), "in the container 'box'"),
    "another name": (
        _both(
            _set(f"{MAIN}.{HANDLE}.builtinOptions.sharedName", b"other"),
            lambda schema, m: nodes(m).pop(FIRST_ASSIGN),
        ),
        "uses variable 'other', which nothing assigns",
    ),
    "handle computed with": (
        _set(f"{MAIN}.{ADD}.inputs", [AT["x"], AT["variable"]]),
        "a variable's handle as input 1",
    ),
    "handle read by position": (
        _set(f"{MAIN}.{FIRST_READ}.inputs", [AT["x"]]),
        "takes something else as input 0",
    ),
    "handle left out": (_set(f"{MAIN}.{FIRST_READ}.inputs", [-1]), "takes something else as input 0"),
    "handle assigned": (
        _set(f"{MAIN}.{FIRST_ASSIGN}.inputs", [AT["variable"], AT["variable"]]),
        "a variable's handle as input 1",
    ),
    "nothing assigned": (_set(f"{MAIN}.{FIRST_ASSIGN}.inputs", [AT["variable"], -1]), "assigns nothing"),
    "assignment of one": (
        _set(f"{MAIN}.{FIRST_ASSIGN}.inputs", [AT["variable"]]),
        "has 1 inputs and 0 outputs",
    ),
    "reading of nothing": (_set(f"{MAIN}.{FIRST_READ}.outputs", []), "has no output"),
    "call with an output": (_set(f"{MAIN}.{ONCE}.outputs", [AT["y"]]), "has 0 inputs and 1 outputs"),
    "handle computed": (_set(f"{MAIN}.{ADD}.outputs", [AT["variable"]]), "makes a handle"),
    "handle as input": (_set("subgraphs.0.inputs", [AT["variable"]]), "an input or output of the network"),
    "handle as output": (_set("subgraphs.0.outputs", [AT["variable"]]), "an input or output of the network"),
    "size read": (
        _set(f"subgraphs.0.tensors.{AT['old']}.shape", [1, 5]),
        "moves int8 [1, 5], variable 'sum'",
    ),
    "type read": (_set(f"subgraphs.0.tensors.{AT['old']}.type", 7), "moves int16 [1, 4], variable 'sum'"),
    "size initialised": (
        _both(_set("subgraphs.1.tensors.1.shape", [1, 2]), _set("subgraphs.1.tensors.1.buffer", 0)),
        "moves int8 [1, 2], variable 'sum'",
    ),
    "initialised by no constant": (_set("subgraphs.1.tensors.1.buffer", 0), "something that is no constant"),
    "initialisation that computes": (
        lambda schema, m: nodes(m, 1).append(nodes(m)[ONCE]),
        "CALL_ONCE (node 2 of subgraph 1) is in the initialisation",
    ),
    "initialisation with an output": (_set("subgraphs.1.outputs", [1]), "has inputs or outputs"),
    "variable with data": (_set(f"subgraphs.0.tensors.{AT['variable']}.buffer", 1), "has data of a constant"),
    "variable as input": (
        _set(f"subgraphs.0.tensors.{AT['x']}.isVariable", True),
        "a constant or a variable",
    ),
    "variable as output": (
        _both(
            _set("subgraphs.0.outputs", [AT["old"]]),
            _set(f"subgraphs.0.tensors.{AT['old']}.isVariable", True),
        ),
        "exists already",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_state_that_makes_no_sense_is_refused(kind: str) -> None:
    change, message = REFUSED[kind]
    assert message in refused(patched(change))


def test_a_small_file_cannot_make_large_variables() -> None:
    """Many variables that start with the same megabyte of the file."""
    graph = accumulator()
    large = replace(graph.tensors[AT["variable"]], shape=(1, 1 << 20), data=bytes(1 << 20))

    def many(schema: Any, model: Any) -> None:
        init = model.subgraphs[1]
        init.tensors[1].shape = [1, 1 << 20]
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(large.data or b"", np.uint8)
        model.buffers.append(buffer)
        init.tensors[1].buffer = len(model.buffers) - 1
        handle, assign = nodes(model, 1)
        init.operators = []
        for number in range(300):
            named = schema.OperatorT()
            named.__dict__.update(vars(handle))
            named.builtinOptions = schema.VarHandleOptionsT()
            named.builtinOptions.sharedName = f"v{number}".encode()
            named.outputs = [number + 2]
            init.tensors.append(init.tensors[0])
            given = schema.OperatorT()
            given.__dict__.update(vars(assign))
            given.inputs = [number + 2, 1]
            init.operators += [named, given]

    assert f"more than {MAX_STATE_BYTES} bytes of variables" in refused(patched(many))


def test_a_variable_that_another_operator_uses_is_refused() -> None:
    graph = accumulator()
    add = replace(graph.nodes[1], inputs=(AT["x"], AT["variable"]))
    with pytest.raises(ModelError, match="'sum' is a variable, which only READ_VARIABLE"):
        bind(replace(graph, nodes=(graph.nodes[0], add, graph.nodes[2])))
    add = replace(graph.nodes[1], outputs=(AT["variable"],))
    with pytest.raises(ModelError, match="'sum' is a variable"):
        bind(replace(graph, nodes=(graph.nodes[0], add, graph.nodes[2])))
