@Descriptor("a.b") interface I { @EnforcePermission("A") void f(); @SuppressWarnings({"out-array"}) void g(); }
