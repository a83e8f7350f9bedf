"""Columns of numbers: what numpy gets is what the messages say."""

import io
import struct
import sys
import unittest
import zlib
from unittest import mock

import numpy

import flatstream_native as native
from tests import telemetry
from tests.test_reading import WithFolder

SCHEMAS = telemetry.ROOT / "crates" / "flatstream-schema" / "tests" / "schemas"


class TestColumns(WithFolder):
    def telemetry(self, count=1000):
        telemetry.write(native, self.path, count)
        return native.Reader(self.path)

    def joined(self, reader, path, **options):
        return numpy.concatenate([batch[path] for batch in reader.columns(path, **options)])

    def test_each_number_is_the_message_s(self):
        reader = self.telemetry()
        for batch in (1, 7, 999, 1000, 1001, 65536):
            reader.seek_to_start()
            batches = list(reader.columns("value", "timestamp_ns", batch=batch))
            self.assertEqual([len(b["value"]) for b in batches[:-1]], [batch] * (len(batches) - 1))
            values = numpy.concatenate([b["value"] for b in batches])
            times = numpy.concatenate([b["timestamp_ns"] for b in batches])
            self.assertEqual((values.dtype, times.dtype), (numpy.float64, numpy.uint64))
            self.assertTrue((values == numpy.arange(1000) * 0.5).all())
            self.assertTrue((times == numpy.arange(1000) * 1000).all())

    def test_arrays_are_the_caller_s_own(self):
        reader = self.telemetry()
        batches = reader.columns("value", batch=100)
        first = next(batches)["value"]
        before = first.copy()
        next(batches)
        self.assertTrue((first == before).all())
        first[0] = 5

    def test_a_batch_goes_on_where_the_reader_is(self):
        reader = self.telemetry()
        reader.seek_to_sequence(990)
        self.assertEqual(next(reader).sequence, 990)
        self.assertEqual(list(self.joined(reader, "value")), [number * 0.5 for number in range(991, 1000)])

    def test_functions_of_python_are_called_in_the_middle_of_a_batch(self):
        with native.Writer(self.path, checksum=200, private={200: zlib.crc32}, schema=telemetry.BFBS) as writer:
            for number in range(3000):
                writer.append(telemetry.event(number, number * 0.5))
        source = io.BytesIO(self.path.read_bytes())
        values = self.joined(native.Reader(source, private={200: zlib.crc32}), "value")
        self.assertTrue((values == numpy.arange(3000) * 0.5).all())

        def bad(_body):
            raise LookupError("no digest")
        source.seek(0)
        with self.assertRaisesRegex(LookupError, "no digest"):
            list(native.Reader(source, private={200: bad}).columns("value"))

    def test_without_numpy_a_column_is_a_view(self):
        reader = self.telemetry(10)
        with mock.patch.dict(sys.modules, {"numpy": None}):
            batch = next(reader.columns("value"))["value"]
        self.assertEqual((type(batch), batch.format, batch.tolist()), (memoryview, "d", [n * 0.5 for n in range(10)]))

    def test_a_path_that_leads_nowhere_or_to_a_string_is_named(self):
        reader = self.telemetry(1)
        for path, text in (("valve", "no field"), ("source_id", "string"), ("", "no field")):
            with self.assertRaisesRegex(native.CallerError, text):
                reader.columns("value", path)
        with self.assertRaises(native.CallerError):
            reader.columns("value", batch=0)

    def test_a_stream_without_a_schema_takes_one(self):
        self.write([telemetry.event(1, 2.5)])
        with self.assertRaisesRegex(native.CallerError, "no schema"):
            native.Reader(self.path).columns("value")
        given = {"schema": telemetry.BFBS, "message_type": telemetry.MESSAGE_TYPE}
        self.assertEqual(list(self.joined(native.Reader(self.path), "value", **given)), [2.5])

    def test_rows_before_a_bad_message_come_before_its_error(self):
        self.write([telemetry.event(1, 1.0), telemetry.event(2, 2.0), b"\xff" * 8, telemetry.event(4, 4.0)],
                   schema=telemetry.BFBS, message_type=telemetry.MESSAGE_TYPE)
        batches = native.Reader(self.path).columns("timestamp_ns", "value")
        self.assertEqual(next(batches)["value"].tolist(), [1.0, 2.0])
        with self.assertRaises(native.MessageError) as caught:
            next(batches)
        self.assertEqual(caught.exception.sequence, 2)
        self.assertEqual(next(batches)["value"].tolist(), [4.0])
        self.assertIsNone(next(batches, None))

    def test_rows_before_damage_come_before_its_error(self):
        telemetry.write(native, self.path, 5000)
        data = bytearray(self.path.read_bytes())
        data[200000] ^= 1
        self.path.write_bytes(data)
        rows, reader = 0, native.Reader(self.path)
        with self.assertRaises(native.StreamError) as caught:
            for batch in reader.columns("value"):
                rows += len(batch["value"])
        self.assertEqual((rows, caught.exception.code), (reader.sequence, "frame_check"))
        self.assertGreater(rows, 1000)
        recovering = native.RecoveringReader(self.path)
        self.assertEqual(len(self.joined(recovering, "value")), 4999)
        self.assertEqual(recovering.lost, 1)


class TestTypes(WithFolder):
    """Every scalar, in tables that have none of their fields."""

    EMPTY = struct.pack("<IHHi", 8, 4, 4, 4)
    TYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")

    def column(self, schema, name, message_type, **options):
        self.write([self.EMPTY], replace=True)
        given = {"schema": (SCHEMAS / schema).read_bytes(), "message_type": message_type}
        return next(native.Reader(self.path).columns(name, **given, **options))[name]

    def test_a_scalar_has_the_type_of_its_field_and_the_value_of_its_default(self):
        for name, kind in zip("abcdefghijk", self.TYPES):
            column = self.column("scalars.bfbs", name, "Scalars.Plain")
            self.assertEqual((column.dtype.name, column.tolist()), (kind, [0]), name)
        # flatc writes the default of `i`, a ulong above the greatest long, as 0.
        least = (True, -128, 255, -32768, 65535, -2 ** 31, 2 ** 32 - 1, -2 ** 63, 0, -0.5, 3.25e10)
        for name, value in zip("abcdefghijk", least):
            self.assertEqual(self.column("scalars.bfbs", name, "Scalars.WithDefaults").tolist(), [value], name)

    def test_a_float_that_is_missing_is_nan_and_an_integer_is_an_error(self):
        for name in "jk":
            self.assertTrue(numpy.isnan(self.column("optional.bfbs", name, "Optional.Reading")[0]))
        for name in "abcdefghi":
            with self.assertRaisesRegex(native.MessageError, f"{name}: expected a number"):
                self.column("optional.bfbs", name, "Optional.Reading")

    def test_a_number_may_stand_for_what_is_missing_if_the_type_has_it(self):
        for name, kind in zip("abcdefghijk", self.TYPES):
            column = self.column("optional.bfbs", name, "Optional.Reading", missing=1)
            self.assertEqual((column.dtype.name, column.tolist()), (kind, [1]), name)
        for name in "bdfhjk":
            self.assertEqual(self.column("optional.bfbs", name, "Optional.Reading", missing=-7).tolist(), [-7], name)
        for name, number in (("a", 2), ("b", 128), ("c", -1), ("d", 40000), ("e", -1), ("f", 1 << 31), ("i", -1)):
            with self.assertRaisesRegex(ValueError, name):
                self.column("optional.bfbs", name, "Optional.Reading", missing=number)

    def test_a_path_goes_through_tables(self):
        column = self.column("optional.bfbs", "earlier.earlier.k", "Optional.Reading")
        self.assertTrue(numpy.isnan(column[0]))
