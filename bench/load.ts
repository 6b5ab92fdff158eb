import { Connection } from './connection.ts'
import { runLanes } from './lanes.ts'

export async function openConnections(port: number, count: number): Promise<readonly Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(port)))
}

export function closeAll(connections: readonly Connection[]): void {
  for (const connection of connections) connection.close()
}

/** Sends the request `count` times. Each connection sends its next one when the last one is answered. */
export async function sendCount(connections: readonly Connection[], request: Buffer, count: number): Promise<void> {
  let sent = 0
  await onEach(connections, async (connection) => {
    while (sent < count) {
      sent += 1
      await connection.request(request)
    }
  })
}

/** Sends requests for some time. @returns the number of answers */
export async function sendFor(connections: readonly Connection[], request: Buffer, windowMs: number): Promise<number> {
  const deadlineMs = performance.now() + windowMs
  let answered = 0
  await onEach(connections, async (connection) => {
    while (performance.now() < deadlineMs) {
      await connection.request(request)
      answered += 1
    }
  })
  return answered
}

function onEach(connections: readonly Connection[], work: (connection: Connection) => Promise<void>): Promise<void> {
  return runLanes(connections.length, async (lane) => {
    const connection = connections[lane]
    if (connection) await work(connection)
  })
}
