@JavaDefault() interface I { @PropagateAllowBlocking() void f(); @nullable() String g(); }
