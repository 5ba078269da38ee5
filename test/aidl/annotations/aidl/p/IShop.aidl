package p;

interface IShop {
    int price(String thing);
    int stock(String thing);
    oneway void order(String thing);
}
