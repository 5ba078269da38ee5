package names;

interface INothing {
}
