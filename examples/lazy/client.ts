// Uses the lazy service for a moment.
import { connect } from 'ubinder';
import { IEcho } from '../echo/IEcho.ts';

await using binder = await connect();
using echo = await binder.services.get(IEcho, 'lazy-echo', { signal: AbortSignal.timeout(20_000) });
console.log(await echo.echo('are you awake?'));
// As long as a client has it, the service stays.
await new Promise((resolve) => void setTimeout(resolve, 500));
