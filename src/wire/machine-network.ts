import type { Socket } from 'node:net'
import { ClockCheck } from '../flow/clock-check.ts'
import type {
  ByteSocket,
  Connecting,
  Endpoint,
  HttpListener,
  Network,
  ServedRoute,
  ServeOptions,
} from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import { connectionsWithinDescriptors } from './descriptors.ts'
import { SocketPool } from './idle-sockets.ts'
import { countConnections, leavePort, steerConnections } from './port-sockets.ts'
import { RawSocket } from './raw-socket.ts'
import { openResolver } from './resolve-name.ts'
import { disconnected } from './transport-error.ts'
import { writtenBody } from './written-body.ts'

/** The network of this machine. */
export function openNetwork(clock: Pick<Runtime, 'elapsed' | 'timers'>): Network {
  return {
    lookUp: openResolver(() => clock.elapsed()),
    connect,
    idle: new SocketPool(clock),
    clocks: new ClockCheck(),
    ownAddresses,
    maxConnections: connectionsWithinDescriptors,
    writtenBody,
    serve,
    tryToListen,
  }
}

/** Returns this machine with a network that sends requests to other servers through the proxy in the environment. */
export function throughProxy(machine: Runtime): Runtime {
  return { ...machine, network: { ...machine.network, fetchByProxy: fetch } }
}

function ownAddresses(): readonly string[] {
  const interfaces = Object.values(process.getBuiltinModule('node:os').networkInterfaces())
  return interfaces.flatMap((all) => all?.map(({ address }) => address) ?? [])
}

function connect(endpoint: Endpoint): Connecting {
  const { promise, resolve, reject } = Promise.withResolvers<ByteSocket>()
  const socket = open(endpoint)
  let opened: ByteSocket | undefined
  const onClose = () => reject(disconnected('before its reply'))
  // the listener stays, because an error event without a listener would end the process
  socket.on('error', reject)
  socket.once('close', onClose)
  socket.once(endpoint.isSecure ? 'secureConnect' : 'connect', () => {
    socket.off('close', onClose)
    socket.setNoDelay(true)
    opened = new RawSocket(socket)
    resolve(opened)
  })
  return {
    socket: promise,
    cancel() {
      reject(disconnected('before its reply'))
      if (opened) opened.destroy()
      else socket.destroy()
    },
  }
}

function open({ isSecure, address: host, port, serverName }: Endpoint): Socket {
  // Node's modules are loaded when they are needed, because they cost more than all else of a start
  if (!isSecure) return process.getBuiltinModule('node:net').connect({ host, port })
  return process.getBuiltinModule('node:tls').connect({
    host,
    port,
    ALPNProtocols: ['http/1.1'],
    ...(serverName !== undefined && { servername: serverName }),
  })
}

/** Whether a process can take over the port of another one while both listen. */
const canSharePorts = process.platform === 'linux'

function serve({ hostname, port, sharesPort, idleSeconds, routes, answer }: ServeOptions): HttpListener {
  // two programs that share a port get no error, so the port must be free first
  if (canSharePorts && !sharesPort && port !== 0) refuseUsedPort(hostname, port)
  const server = Bun.serve({
    hostname,
    port,
    idleTimeout: idleSeconds,
    // a later process may take over (docs/decisions/0107-restart.md)
    reusePort: canSharePorts || sharesPort,
    // our own limit answers in the client's dialect, but Bun's limit answers with an empty body
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    routes: byPath(routes),
    fetch: answer,
  })
  return {
    port: server.port ?? port,
    get pendingRequests() {
      return server.pendingRequests
    },
    addressOf: (request) => server.requestIP(request)?.address,
    limitSilence: (request, seconds) => server.timeout(request, seconds),
    openConnections: () => countConnections(server.port ?? port),
    steer: (to) => steerConnections(server.port ?? port, to),
    leavePort: () => leavePort(server.port ?? port),
    stop: () => server.stop(false),
    kill: () => server.stop(true),
  }
}

/** @throws when another program listens there */
function refuseUsedPort(hostname: string, port: number): void {
  void Bun.serve({ hostname, port, reusePort: false, fetch: () => new Response() }).stop(true)
}

/** The routes in the form of Bun's router, which compares the bytes of a path as it was sent. */
function byPath(
  routes: readonly ServedRoute[],
): Record<string, Partial<Record<ServedRoute['method'], ServedRoute['answer']>>> {
  const paths = Map.groupBy(routes, ({ path }) => path)
  return Object.fromEntries(
    [...paths].map(([path, all]) => [path, Object.fromEntries(all.map(({ method, answer }) => [method, answer]))]),
  )
}

/** Tries with Node's server, because Bun's server reports every failure as a port in use. @returns the error's code */
function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = process.getBuiltinModule('node:net').createServer()
    server.once('error', (error) => resolve('code' in error ? String(error.code) : 'no code'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
