// Serves the chat to the user who runs this.
import { connect } from 'ubinder';
import { makeChat } from './chat.ts';

const binder = await connect();
const chat = makeChat(process.getuid?.() ?? 0, console.log);
await binder.services.add('chat', chat); // serving keeps the process alive
console.log('serving chat');
