package names;

import names.Map;
import names.Promise;
import names.Uint8Array;

interface IHard {
    const int implement = 1;
    const int descriptor = 2;
    const String Init = "Init";
    const int await = 3;
    parcelable Handlers {
        int call;
        parcelable Type {
            int a;
        }
        Type type;
    }
    @Backing(type="int")
    enum Init {
        await,
        delete,
        constructor,
    }
    parcelable symbol {
        String string = "quoted";
    }
    parcelable create {
        Init init = Init.await;
        Init[2] inits = {Init.await, Init.delete};
    }
    int f(int options, int call, in int[] function, out int[] arguments, out int[] functionLength, int result);
    int function(int await, int yield, int var, int let, int globalThis, int undefined);
    Handlers g(in Handlers Handlers, in Handlers.Type Type, Init Init, in symbol symbol, in create create);
    names.Map h(in names.Map map, Promise promise, in Uint8Array bytes);
}
