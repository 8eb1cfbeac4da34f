/** The additional authenticated data. */
export interface AesGcmOptions {
  additionalData?: BufferSource;
}
export declare function encryptAesGcm(
  key: CryptoKey,
  plaintext: BufferSource,
  options?: AesGcmOptions,
): Promise<Uint8Array<ArrayBuffer>>;
export declare function decryptAesGcm(
  key: CryptoKey,
  data: BufferSource,
  options?: AesGcmOptions,
): Promise<Uint8Array<ArrayBuffer>>;
