package p;

@SensitiveData
interface IGuarded {
    @EnforcePermission("INTERNET")
    String one(IBinder token);
    @EnforcePermission(anyOf={"INTERNET", "com.example.OWN"})
    String any();
    @EnforcePermission(allOf={"INTERNET", "com.example.OWN"})
    String all();
    String free(String text);
}
