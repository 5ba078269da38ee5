interface I {
    void f(in List<String, String>[2 + 1] a);
}
