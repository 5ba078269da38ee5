union T {
    Tag t = int.b;
}
