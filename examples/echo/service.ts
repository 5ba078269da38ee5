// Says again what it hears, and who said it.
import { connect } from 'ubinder';
import { IEcho } from './IEcho.ts';

const binder = await connect();
const echo = IEcho.implement({ echo: (text, call) => `${text}, process ${call.pid}` });
await binder.services.add('echo', echo);
console.log('serving echo');
