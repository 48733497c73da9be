import { assertEquals, assertThrows } from "@std/assert";
import { loadLibrary, nameLibrary } from "../../../../pipeline/command/mpi/library.ts";

Deno.test("loadLibrary() is undefined where the system has no such library", () => {
  assertEquals(loadLibrary("MPICH", ["libnone.so.1", "libneither.so.2"]), undefined);
  assertEquals(loadLibrary("Open MPI", ["libnone.so.1"]), undefined);
});

Deno.test("loadLibrary() names a library that is none of MPI", () => {
  assertThrows(() => loadLibrary("MPICH", ["libnone.so.1", "libc.so.6"]), Error, "Cannot load MPI library libc.so.6: ");
});

Deno.test("nameLibrary() finds name and version in what libraries say of themselves", () => {
  assertEquals(
    nameLibrary("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n"),
    "MPICH 4.0.2",
  );
  assertEquals(nameLibrary("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"), "Open MPI 4.1.4");
  assertEquals(
    nameLibrary("Intel(R) MPI Library 2021.9 for Linux* OS\n\0"),
    "Intel(R) MPI Library 2021.9 for Linux* OS",
  );
});
