"""A certificate authority and a signer of content credentials, made for a test."""

import datetime
import io

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def make_chain():
    """The signer's certificates and key, and the root's certificate, all as PEM bytes."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def build(name, issuer, public_key, extensions):
        def named(common):
            parts = [(NameOID.COMMON_NAME, common), (NameOID.ORGANIZATION_NAME, "Test Studio")]
            return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])

        builder = (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + 30 * day)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def usage(*, signs_certificates):
        names = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        off = dict.fromkeys((*names, "encipher_only", "decipher_only"), False)
        return x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=signs_certificates,
            crl_sign=signs_certificates,
            **off,
        )

    root = build(
        "Test Root",
        "Test Root",
        root_key.public_key(),
        [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (usage(signs_certificates=True), True),
        ],
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    signer = build(
        "Camera 7",
        "Test Root",
        key.public_key(),
        [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
            (identifier, False),
        ],
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return signer + root, secret, root


def sign(content, chain, *, mime="image/jpeg", source_type=TRAINED, remote_url=None):
    """A file with content credentials that claim a digital source type."""
    import c2pa

    certificates, key, _ = chain
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, certificates, key, None)
    action = {"action": "c2pa.created", "digitalSourceType": source_type}
    manifest = {
        "claim_generator_info": [{"name": "Test Maker", "version": "1.0"}],
        "title": "a picture",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    signed = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest) as builder:
        if remote_url:
            builder.set_no_embed()
            builder.set_remote_url(remote_url)
        builder.sign(signer, mime, io.BytesIO(content), signed)
    return signed.getvalue()
