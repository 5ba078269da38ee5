package p;

/** IShop as it was when it was new. */
@Descriptor(value="p.IShop")
interface IShopV1 {
    int price(String thing);
}
