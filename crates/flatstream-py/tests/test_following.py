"""A file that is followed while it is written."""

import _thread
import signal
import threading
import unittest

import flatstream
import flatstream_native as native
from tests.test_reading import MESSAGES, WithFolder


class TestFollowing(WithFolder):
    def test_a_follower_gets_what_another_thread_appends_while_it_waits(self):
        writer, reached = native.Writer(self.path), threading.Semaphore(0)

        def append():
            with writer:
                for message in MESSAGES[:200]:
                    writer.append(message)
                    writer.flush()
                    reached.acquire()
        thread, found = threading.Thread(target=append), []
        thread.start()
        follower = native.follow(self.path)
        for message in follower:
            found.append(bytes(message))
            reached.release()
        thread.join()
        self.assertEqual((found, follower.end.kind, follower.sequence), (MESSAGES[:200], "closed", 200))

    def test_an_interrupt_ends_the_waiting(self):
        # What runs in the background of a shell is begun with interrupts ignored.
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, handler)
        with native.Writer(self.path):
            follower = native.follow(self.path)
            timer = threading.Timer(0.05, _thread.interrupt_main)
            timer.start()
            with self.assertRaises(KeyboardInterrupt):
                next(follower)
            timer.join()

    def test_each_start_begins_where_it_says(self):
        with native.Writer(self.path) as writer:
            for message in MESSAGES[:10]:
                writer.append(message)
            writer.flush()
            reader = native.Reader(self.path)
            for _ in range(4):
                next(reader)
            for options, sequence in (({}, 0), ({"start": "beginning"}, 0), ({"start": 7}, 7),
                                      ({"cursor": reader.cursor}, 4), ({"time": 0}, 0)):
                self.assertEqual(next(native.follow(self.path, **options)).sequence, sequence)
            at_end = native.follow(self.path, start="end")
            self.assertIsNone(at_end.next_within(0))
            writer.append(b"last")
            writer.flush()
            self.assertEqual(bytes(next(at_end)), b"last")
            self.assertEqual(at_end.header, writer.header)

    def test_what_is_no_start_is_refused(self):
        self.write([b"a"])
        for options in ({"start": "middle"}, {"start": 1, "time": 2}, {"cursor": "nonsense"}):
            with self.assertRaises(flatstream.CallerError):
                native.follow(self.path, **options)
        for options in ({"patience": -1.0}, {"polling": float("nan")}):
            with self.assertRaises(ValueError):
                native.follow(self.path, **options)

    def test_a_cursor_of_another_file_is_gone(self):
        reader = native.Reader(self.write(MESSAGES[:10]))
        list(reader)
        cursor = reader.cursor
        self.write([b"other"], replace=True)
        with self.assertRaises(native.Gone):
            next(native.follow(self.path, cursor=cursor))

    def test_a_missing_file_is_an_error_or_waited_for(self):
        with self.assertRaises(FileNotFoundError):
            next(native.follow(self.path))
        follower = native.follow(self.path, wait_for_file=True)
        self.assertIsNone(follower.next_within(0))
        self.write([b"a"])
        self.assertEqual([bytes(m) for m in follower], [b"a"])

    def test_only_durable_messages_where_that_is_asked(self):
        with native.Writer(self.path, sync_interval=64) as writer:
            writer.append(b"kept")
            writer.sync()
            writer.append(b"not yet" * 1000)
            writer.append(b"not yet")
            writer.flush()
            follower = native.follow(self.path, durable_only=True)
            self.assertEqual(bytes(next(follower)), b"kept")
            self.assertIsNone(follower.next_within(0))


if __name__ == "__main__":
    unittest.main()
