// Node runs this file. Its HTTP server answers each request with what it has read of it, as JSON. It prints its port.
const http = require('node:http')

const server = http.createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', () => {
    const { method, url, headers } = request
    const body = Buffer.concat(parts).toString('base64')
    const text = JSON.stringify({ method, url, headers, body, port: request.socket.remotePort })
    response.writeHead(200, { 'content-length': Buffer.byteLength(text) })
    response.end(text)
  })
})

server.listen(0, '127.0.0.1', () => console.log(server.address().port))
