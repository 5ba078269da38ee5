interface I { void f(); interface J { void g(); } }
