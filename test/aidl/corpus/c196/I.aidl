interface I { String f(in @nullable(heap=false) @utf8InCpp String a); @utf8InCpp int g(); }
