interface I { @EnforcePermission(anyOf={"A", "B"}) void f(); @EnforcePermission(allOf={"A", "B",}) void g(); }
