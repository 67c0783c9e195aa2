"""The writer of C values: what it writes, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.codegen.writer import (
    INTEGER_RANGES,
    ConstantPool,
    array_text,
    call_text,
    comment_text,
    identifier,
    literal,
    params_text,
)
from edgeprune.errors import InternalError
from edgeprune.ops.base import Constant, Field, KernelCall


@pytest.mark.parametrize("ctype", INTEGER_RANGES)
def test_integers_fit_up_to_their_limits_and_not_beyond(ctype):
    low, high = INTEGER_RANGES[ctype]
    for value in (low, high):
        text = literal(ctype, value)
        assert text == str(value) or text in ("INT32_MIN", "INT64_MIN", f"{value}u")
    for value in (low - 1, high + 1):
        with pytest.raises(InternalError, match=f"{value} does not fit {ctype}"):
            literal(ctype, value)


@pytest.mark.parametrize("value", [1.0, True, "1", None])
def test_what_is_no_integer_is_no_integer_in_c(value):
    with pytest.raises(InternalError, match="not an integer"):
        literal("int32_t", value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_read_back_exactly(value):
    text = literal("float", value)
    assert text.endswith("f")
    assert np.float32(text[:-1]) == np.float32(value)


@pytest.mark.parametrize("value", [0.1, float("inf"), float("nan"), 1e300, 16777217])
def test_floats_that_are_no_float32_are_refused(value):
    with pytest.raises(InternalError, match="does not fit float exactly"):
        literal("float", value)


def test_an_unknown_type_is_refused():
    with pytest.raises(InternalError, match="'char'"):
        literal("char", 1)


def params(value, ctype="int8_t"):
    return KernelCall("ep_k_s8", (Field("int32_t", "count", 2), Field(ctype, "table", value)), (0,), (1,))


def test_params_are_a_struct_with_named_fields():
    pool = ConstantPool()
    text = params_text("l0", params(Constant(np.array([[1, -2]], np.int8))), pool)
    assert text == (
        "static const ep_k_s8_params l0 = {\n    .count = 2,\n    .table = ep_data_l0_table,\n};\n"
    )
    assert (
        "const int8_t ep_data_l0_table[2] __attribute__((aligned(4))) = {\n    1,-2,\n};"
        in pool.definitions()
    )
    assert pool.declarations() == "extern const int8_t ep_data_l0_table[2];\n"
    assert pool.flash_bytes == 2


def test_tuples_are_array_fields_and_none_is_null():
    assert ".table = {1, 2, 3}," in params_text("l0", params((1, 2, 3)), ConstantPool())
    assert ".table = NULL," in params_text("l0", params(None), ConstantPool())


def test_a_field_that_does_not_fit_is_named():
    with pytest.raises(InternalError, match=r"l0\.table: 128 does not fit int8_t"):
        params_text("l0", params(128), ConstantPool())
    with pytest.raises(InternalError, match=r"l0\.table: 300 does not fit int8_t"):
        params_text("l0", params((1, 300)), ConstantPool())
    with pytest.raises(InternalError, match=r"l0\.table: .*holds int32, its C type is int8_t"):
        params_text("l0", params(Constant(np.array([1], np.int32))), ConstantPool())


def test_equal_constants_are_written_once_and_types_keep_them_apart():
    pool = ConstantPool()
    first = pool.add("a", "int8_t", np.zeros(4, np.int8))
    assert pool.add("b", "int8_t", np.zeros((2, 2), np.int8)) == first
    assert pool.add("c", "uint8_t", np.zeros(4, np.uint8)) != first
    assert pool.declarations().count("extern") == 2
    with pytest.raises(InternalError, match="two different constants are called ep_data_a"):
        pool.add("a", "int8_t", np.ones(4, np.int8))


def test_c_has_no_empty_arrays():
    with pytest.raises(InternalError, match="empty"):
        array_text("x", "int8_t", np.zeros(0, np.int8))


def test_calls_have_all_their_arguments():
    call = KernelCall("ep_k_s8", (), (0, 1), (2,), scratch_bytes=8)
    assert call_text(call, "l0", ["a", "b", "c", "d"]) == "ep_k_s8(&l0, a, b, c, d);"
    with pytest.raises(InternalError, match="takes 4 buffers, 3 given"):
        call_text(call, "l0", ["a", "b", "c"])


@given(st.text())
def test_no_text_leaves_its_comment_or_its_line(text):
    safe = comment_text(text)
    assert "*/" not in safe and "/*" not in safe and "\\" not in safe and "??" not in safe
    assert safe.isprintable() and safe.isascii()


@given(st.text())
def test_identifiers_have_only_the_characters_of_identifiers(text):
    name = "l0_" + identifier(text)
    assert name.isidentifier() and name.isascii() and len(name) <= 35
