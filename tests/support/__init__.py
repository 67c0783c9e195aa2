"""Helpers of the tests: the oracle, a `.tflite` writer, tools that may be missing."""
