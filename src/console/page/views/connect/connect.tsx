import { useEffect } from 'preact/hooks'
import { clients } from '../../../../connect/clients.ts'
import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'
import { address, hrefOf } from '../../router.ts'
import { loadChatModels } from '../../session/models.ts'
import { useResource } from '../../session/resource.ts'
import { ClientSettings } from './client-settings.tsx'
import { model } from './setup.ts'
import { SetupPart } from './setup-part.tsx'

/** Connect: the settings with which a client uses this gateway, and whether they work. */
export function ConnectView() {
  const { connect: words, views } = texts.value
  const models = useResource(loadChatModels)
  const listed = models.value.value
  useEffect(() => {
    if (model.value === '' && listed?.[0]) model.value = listed[0].id
  }, [listed])
  const [chosen] = address.value.rest
  const client = clients.find(({ name }) => name === chosen) ?? clients[0]
  if (!client) return null
  return (
    <View title={views.connect}>
      <p class="quiet-text">{words.intro}</p>
      <SetupPart models={listed ?? []} client={client.name} error={models.error.value?.message} />
      <div class="connect">
        <ul class="clients" aria-label={words.clients}>
          {clients.map(({ name, title }) => (
            <li key={name}>
              <a href={hrefOf(['connect', name])} {...(name === client.name && { 'aria-current': 'true' as const })}>
                {title}
              </a>
            </li>
          ))}
        </ul>
        <ClientSettings key={client.name} client={client} />
      </div>
    </View>
  )
}
