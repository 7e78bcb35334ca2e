// SPDX-License-Identifier: Apache-2.0
// The bundler turns a .proto import into its text.
declare module "*.proto" {
  const text: string;
  export default text;
}
