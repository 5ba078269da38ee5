interface I { void f(in @nullable String a, @utf8InCpp String b, in @nullable @utf8InCpp List<String> c); }
