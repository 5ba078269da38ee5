interface I { @EnforcePermission("A") void f(); void g(); }
