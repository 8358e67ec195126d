// srt's own proxy as srt runs it, TLS ended in it: `node srt_proxy.mjs FOLDER PORT ROOTS.pem`, FOLDER with its node_modules.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [folder, port, roots] = process.argv.slice(2);
const source = `${folder}/node_modules/@anthropic-ai/sandbox-runtime/dist/sandbox`;
const { createHttpProxyServer } = await import(pathToFileURL(`${source}/http-proxy.js`));
const { createMitmCA } = await import(pathToFileURL(`${source}/mitm-ca.js`));

createHttpProxyServer({
  filter: (_port, host) => host === 'localhost',
  filterRequest: async (request) => ({ action: new URL(request.url).pathname.startsWith('/') ? 'allow' : 'deny' }),
  mutateHeaders: (headers) => { headers.authorization = 'Bearer sk-bench-0123456789abcdef'; },
  mitmCA: createMitmCA({}),
  tlsTerminateUpstreamCA: readFileSync(roots),
}).listen(Number(port), '127.0.0.1');
