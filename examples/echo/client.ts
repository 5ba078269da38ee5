// Calls the echo service, which may be started later.
import { connect } from 'ubinder';
import { IEcho } from './IEcho.ts';

await using binder = await connect();
using echo = await binder.services.get(IEcho, 'echo', { signal: AbortSignal.timeout(20_000) });
const answer = await echo.echo('hello');
console.log(answer === `hello, process ${process.pid}` ? 'hello, from this process' : answer);
