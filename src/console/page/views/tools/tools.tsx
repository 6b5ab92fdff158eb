import { useEffect } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Button } from '../../kit/button.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { address } from '../../router.ts'
import { askJson } from '../../session/api.ts'
import { listen } from '../../session/live.ts'
import { useResource } from '../../session/resource.ts'
import { ServerCard } from './server-card.tsx'
import type { ToolServer } from './types.ts'

/** The tool servers, the ones that failed first. `#/tools/NAME` leads to one of them. */
export function ToolsView() {
  const words = texts.value.tools
  const resource = useResource((signal) =>
    askJson<{ readonly servers: readonly ToolServer[] }>('/admin/tools', { signal }),
  )
  useEffect(() => listen('upstreams', () => resource.reload()), [resource])
  const [named] = address.value.rest
  return (
    <View title={texts.value.views.tools} actions={<Button onPress={resource.reload}>{words.refresh}</Button>}>
      <p class="quiet-text">{words.about}</p>
      <Loaded resource={resource}>
        {({ servers }) =>
          servers.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            servers
              .toSorted((a, b) => Number(b.status === 'failed') - Number(a.status === 'failed'))
              .map((server) => (
                <ServerCard
                  key={server.name}
                  server={server}
                  isNamed={server.name === named}
                  onChange={resource.reload}
                />
              ))
          )
        }
      </Loaded>
    </View>
  )
}
