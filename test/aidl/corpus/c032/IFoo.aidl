interface IFoo { void f(in List<Map<String,String>> a, in Map<String,List<String>> b); const int A=1>>2; Map<String, List<String>> c(); }
