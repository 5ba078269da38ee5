// A lazy service: it ends itself once nobody uses it any more. Whoever wants it again has it started again.
import { connect } from 'ubinder';
import { IClientCallback, IServiceManager } from 'ubinder/servicemanager';
import { IEcho } from '../echo/IEcho.ts';

const NAME = 'lazy-echo';
const binder = await connect();
const manager = IServiceManager.fromBinder(binder.contextManager());
const echo = IEcho.implement({ echo: (text) => text });

const clients = IClientCallback.implement({
  async onClients(_service, hasClients) {
    console.log(hasClients ? 'somebody uses it' : 'nobody uses it');
    if (hasClients) return;
    try {
      await manager.tryUnregisterService(NAME, echo);
    } catch {
      return; // Somebody was quicker and has it again.
    }
    binder.close();
  },
});

await binder.services.add(NAME, echo);
await manager.registerClientCallback(NAME, echo, clients);
console.log(`serving ${NAME}`);
