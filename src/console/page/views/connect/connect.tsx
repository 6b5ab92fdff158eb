import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function ConnectView() {
  return <View title={texts.value.views.connect}>{null}</View>
}
